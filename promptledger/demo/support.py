"""The support agent: one prompt for each state that a customer's account can be in."""

from promptledger.demo.timeline import AgentStory, Move, Story

AGENT = AgentStory(
    name="SupportAgent",
    description="Answers customers of the parts shop in chat and by mail. One prompt for each state of the account.",
    primary_status_key="default",
    when="121, 08:55",
)

CONFIG = {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.3, "max_tokens": 500}

DEFAULT = Story(
    name="SupportAgent.default",
    agent=AGENT.name,
    file="support_default.txt",
    config=CONFIG,
    prompt={
        "status_key": "default",
        "title": "Support, any customer",
        "description": "What the support agent says when nothing more particular is known about the account.",
        "owner_team": "Customer support",
        "tags": ["support", "customer-facing"],
        "metadata": {
            "inputs": {
                "customer_name": "How the customer wants to be addressed",
                "language": "Language of the answer, as an English word",
                "open_orders": "JSON list of orders with number, part numbers, status and date",
                "open_returns": "JSON list of returns with number, part numbers, status and date; from v1.3 on",
            },
            "outputs": {"answer": "The reply as plain text, or one line that starts with HANDOVER:"},
        },
    },
    moves=(
        Move("121, 09:20", "engineer", "start", data={"commit_message": "First draft, from the hotline's own guide"}),
        Move(
            "121, 11:05", "engineer", "edit", "v1.0",
            changes=(("in at most five sentences.", "in at most four sentences."),),
            data={"commit_message": "Shorter answers: chat windows show about four lines"},
        ),
        Move("120, 14:40", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("117, 10:15", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "Signed off by the hotline"}),
        Move(
            "96, 13:30", "engineer", "create", "v1.0",
            changes=(
                (
                    "If the customer is angry, mentions an injury, or asks for the third time, write only this line:",
                    "If the customer is angry, mentions an injury, disputes an invoice, or asks the same thing for the\n"
                    "third time, write only this line:",
                ),
            ),
            data={"commit_message": "Hand over disputed invoices; say that the third time means the same question"},
        ),
        Move("95, 09:10", "engineer", "promote", "v1.1", data={"to": "TST"}),
        Move("92, 15:45", "manager", "promote", "v1.1", data={"to": "PRD", "reason": "Ticket audit: 14 invoice disputes "
                                                               "were answered instead of handed over"}),
        Move(
            "41, 10:25", "engineer", "create", "v1.1",
            changes=(
                (
                    "4. If the data does not hold the answer, say so and ask for the one thing you need to find it.",
                    "4. If the data does not hold the answer, say so and ask for the one thing you need to find it.\n"
                    "5. If the customer says that a machine is standing still, put the fastest way first, even where it\n"
                    "   costs more, and say what it costs.",
                ),
            ),
            data={"commit_message": "Machine down: fastest way first, with its price"},
        ),
        Move("39, 16:10", "engineer", "promote", "v1.2", data={"to": "TST"}),
        Move(
            "37, 11:35", "engineer", "edit", "v1.2",
            changes=(("   costs more, and say what it costs.", "   costs more. Say what it costs only if the data above does."),),
            data={"commit_message": "Test showed an invented express fee: quote it only from the data"},
        ),
        Move("34, 09:30", "manager", "promote", "v1.2", data={"to": "PRD", "reason": "Twenty test chats read by support"}),
        Move(
            "9, 14:20", "engineer", "create", "v1.2",
            changes=(
                (
                    "- Open orders, as JSON: {{ open_orders }}",
                    "- Open orders, as JSON: {{ open_orders }}\n- Returns under way, as JSON: {{ open_returns }}",
                ),
                (
                    "- Never promise a delivery date, a price or a refund that is not in the data above.",
                    "- Never promise a delivery date, a price or a refund that is not in the data above. A return that is\n"
                    '  "received" is not yet a refund.',
                ),
            ),
            data={"commit_message": "Answer questions about returns from the new returns feed"},
        ),
        Move("6, 10:50", "engineer", "promote", "v1.3", data={"to": "TST"}),
        Move(
            "2, 15:05", "engineer", "create", "v1.3",
            changes=(
                (
                    "1. Write in {{ language }}. Use the customer's own words for parts and machines.",
                    "1. Write in {{ language }}, in everyday words and short sentences. Use the customer's own words for\n"
                    "   parts and machines, and put the catalogue's word in brackets once.",
                ),
            ),
            data={"commit_message": "Try: plainer language, catalogue words in brackets"},
        ),
        Move(
            "1, 09:40", "engineer", "edit", "v1.4",
            changes=((", in everyday words and short sentences. Use", ", in short sentences. Use"),),
            data={"commit_message": "Try: catalogue words in brackets"},
        ),
    ),
)  # fmt: skip

NOT_REGISTERED = Story(
    name="SupportAgent.NOT_REGISTERED",
    agent=AGENT.name,
    file="support_not_registered.json",
    config=CONFIG,
    prompt={
        "type": "chat",
        "status_key": "NOT_REGISTERED",
        "title": "SupportAgent Not Registered Prompt",
        "description": "For visitors without an account: help first, then show the way to a business account.",
        "owner_team": "Customer support",
        "tags": ["support", "customer-facing", "sign-up"],
        "metadata": {
            "inputs": {
                "history": "Messages so far",
                "question": "What the visitor just wrote",
                "approval_days": "Working days that checking an account takes now",
                "signup_url": "Link to the registration form",
            },
            "outputs": {"answer": "The reply as plain text"},
        },
    },
    moves=(
        Move("112, 10:00", "engineer", "start", data={"commit_message": "For visitors without an account"}),
        Move("111, 15:20", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("108, 09:45", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "Goes live with the new sign-up form"}),
        Move(
            "58, 13:15", "engineer", "create", "v1.0",
            changes=(
                (
                    "3. Give the link {{ signup_url }} once, and only when they want to order.",
                    "3. Give the link {{ signup_url }} once, and only when they want to order.\n"
                    "4. Private persons cannot get an account. Tell them so kindly, and name the dealers' page instead.",
                ),
            ),
            data={"bump": "major", "commit_message": "Private persons: say no kindly, point to the dealers"},
        ),
        Move("57, 10:30", "engineer", "promote", "v2.0", data={"to": "TST"}),
        Move("54, 14:00", "manager", "promote", "v2.0", data={"to": "PRD", "reason": "Agreed with sales"}),
        Move(
            "4, 11:10", "engineer", "create", "v2.0",
            changes=(
                (
                    "Nobody signs up while they wait for an answer.",
                    "Nobody signs up while they wait for an answer. If they name a part, give its list price and stock.",
                ),
            ),
            data={"commit_message": "List price and stock for a named part"},
        ),
    ),
)  # fmt: skip

APPROVED = Story(
    name="SupportAgent.APPROVED",
    agent=AGENT.name,
    file="support_approved.txt",
    config=CONFIG,
    prompt={
        "status_key": "APPROVED",
        "title": "SupportAgent Approved Prompt",
        "description": "For customers with a checked account: net prices, orders on account, a contact person.",
        "owner_team": "Key accounts",
        "tags": ["support", "customer-facing"],
        "metadata": {
            "inputs": {
                "customer_name": "How the customer wants to be addressed",
                "account_number": "Customer number",
                "contact_person": "Name and extension of the person on our side",
                "credit_left": "Amount with currency",
                "question": "What the customer just wrote",
            },
            "outputs": {"answer": "The reply as plain text"},
        },
    },
    moves=(
        Move("104, 09:30", "engineer", "start", data={"commit_message": "For customers with a checked account"}),
        Move("103, 11:00", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("100, 10:20", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "Key accounts agree"}),
        Move(
            "25, 14:10", "engineer", "create", "v1.0",
            changes=(
                (
                    "3. Offer a follow-up order only where the customer has asked about stock or delivery.",
                    "3. End every answer with one part that fits the question, as an offer.",
                ),
            ),
            data={"commit_message": "One fitting offer in every answer"},
        ),
        Move("24, 09:15", "engineer", "promote", "v1.1", data={"to": "TST"}),
        Move("22, 16:30", "manager", "promote", "v1.1", data={"to": "PRD", "reason": "Two-week trial asked for by sales"}),
        Move(
            "19, 08:50", "manager", "roll back", "v1.0",
            data={"reason": "Customers with open complaints were offered parts; trial stopped after three days"},
        ),
        Move(
            "12, 13:40", "engineer", "create", "v1.2",
            changes=(
                (
                    "3. Offer a follow-up order only where the customer has asked about stock or delivery.",
                    "3. Offer a follow-up order only where the customer has asked about stock or delivery, and never when\n"
                    "   the question is a complaint or a return.",
                ),
            ),
            data={"commit_message": "Offers: never in answer to a complaint"},
        ),
        Move("10, 10:05", "engineer", "promote", "v1.3", data={"to": "TST"}),
    ),
)  # fmt: skip

ON_HOLD = Story(
    name="SupportAgent.ON_HOLD",
    agent=AGENT.name,
    file="support_on_hold.txt",
    config=CONFIG,
    prompt={
        "status_key": "ON_HOLD",
        "title": "SupportAgent On Hold Prompt",
        "description": "For customers whose account waits for a payment. A first draft; nothing of it is live yet.",
        "owner_team": "Accounts receivable",
        "tags": ["support", "customer-facing", "payments"],
        "metadata": {
            "inputs": {
                "customer_name": "How the customer wants to be addressed",
                "due_invoices": "Unpaid invoices: number, date, amount",
                "question": "What the customer just wrote",
            },
            "outputs": {"answer": "The reply as plain text, or one line that starts with HANDOVER:"},
        },
    },
    moves=(
        Move("7, 15:30", "engineer", "start", data={"commit_message": "First draft with accounts receivable"}),
        Move(
            "5, 09:25", "engineer", "edit", "v1.0",
            changes=(("that it takes one working day to show.", "that a payment takes one working day to show here."),),
            data={"commit_message": "First draft with accounts receivable, second reading"},
        ),
    ),
)  # fmt: skip

STORIES = (DEFAULT, NOT_REGISTERED, APPROVED, ON_HOLD)
