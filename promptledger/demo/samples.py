"""Samples of what the demo's prompts were asked with, and of what they answered."""

from typing import Any

ORDERS = '[{"number": "48-1173", "part": "6205-2RS1", "status": "packed", "date": "Thursday"}]'

VARIABLES: dict[str, list[Any]] = {
    "customer_name": ["the workshop in Kassel", "the maintenance team", "the night shift"],
    "language": ["English", "German"],
    "open_orders": [ORDERS, "[]"],
    "account_number": ["K-20418", "K-17733"],
    "contact_person": ["the key accounts desk, extension 214"],
    "credit_left": ["EUR 4,180.00", "EUR 310.00"],
    "question": [
        "Do you have the seal kit for a 32 mm cylinder in stock?",
        "Our conveyor stands still. What is the fastest way to get bearing 6205-2RS1?",
        "Can we still change the delivery address of our last order?",
    ],
    "approval_days": ["2"],
    "signup_url": ["/business-account"],
    "history": [[]],
    "part_number": ["6205-2RS1", "CDQ2-32-PS", "XPB 1250"],
    "title": ["Deep groove ball bearing 25x52x15", "Repair kit for cylinder 32 mm", "Narrow V-belt, raw edge, 1250 mm"],
    "manufacturer": ["Norrland Bearings", "Airmotion", ""],
    "threshold": ["0.7"],
    "first_answer": ['{"category": "seals", "confidence": 0.58}', '{"category": "pneumatics", "confidence": 0.61}'],
    "input": ["A customer asks whether a return was refunded; the data says it was received."],
    "expected": ["It was received; the refund follows once it is checked."],
    "actual": ["We have received your return. The refund is not booked yet.", "Your refund is on its way."],
    "event": ['{"code": "DEPARTED", "place": "Leipzig"}', '{"code": "OUT_FOR_DELIVERY"}'],
    "parcel": ["7X2204, two bearings and a belt", "7X2291, one seal kit"],
    "nearest_branch": ["Kassel", "none"],
    "new_date": ["Friday", "unknown"],
    "promised_date": ["Wednesday"],
    "reason": ["Weather delay at the hub", "Address not found"],
    "tracking_number": ["7X2204", "7X2291"],
}

ANSWERS: dict[str, list[str]] = {
    "SupportAgent.default": [
        "Your order 48-1173 is packed and leaves the warehouse on Thursday. You get the tracking number by mail then.",
        "I see no open order on your account. Which order number do you mean? It stands at the top of the confirmation.",
        "The bearing can be with you tomorrow morning by courier; by standard delivery it arrives on Thursday.",
    ],
    "SupportAgent.APPROVED": [
        "Yes, the kit CDQ2-32-PS is in stock at your net price. Shall I put two on your account?",
        "The courier brings it by ten tomorrow. The order is within your credit, so it can leave today.",
        "The address can be changed until the parcel is packed. The key accounts desk does it at once: extension 214.",
    ],
    "SupportAgent.NOT_REGISTERED": [
        "Yes, that seal kit is in the catalogue, and it fits cylinders of 32 mm from the same series.",
        "The fastest way is the counter of your nearest branch: it has the bearing today, without an account.",
    ],
    "PartsClassifier.default": [
        '{"part_number": "6205-2RS1", "category": "bearings", "confidence": 0.98, "reason": "Deep groove ball bearing"}',
        '{"part_number": "CDQ2-32-PS", "category": "seals", "confidence": 0.64, "reason": "Repair kit, mostly seals"}',
        '{"part_number": "XPB 1250", "category": "belts_and_chains", "confidence": 0.95, "reason": "Narrow V-belt"}',
    ],
    "PartsClassifier.LOW_CONFIDENCE": [
        '{"part_number": "CDQ2-32-PS", "category": "pneumatics", "confidence": 0.81, "reason": "Kit of a cylinder"}',
        '{"part_number": "CDQ2-32-PS", "category": "seals", "confidence": 0.72, "reason": "The kit holds seals only"}',
    ],
    "DispatchAgent.default": [
        "Good news: your parcel 7X2204 has left Leipzig. It is expected tomorrow. It holds two bearings and a belt.",
        "Your parcel 7X2291 is out for delivery and arrives today. It holds one seal kit.",
    ],
    "DispatchAgent.DELAYED": [
        "Your parcel 7X2204 is late: the weather stopped it at the hub. The new date is Friday. Kassel has the part.",
        "The carrier could not find your address for 7X2291. Please send us the right one; we have no new date yet.",
    ],
    "answer-judge": [
        '{"score": 0.9, "reason": "Same facts, other words"}',
        '{"score": 0.2, "reason": "Promises a refund"}',
    ],
}
