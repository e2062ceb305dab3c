-- guard: guard_versions_insert on prompt_versions
CREATE TRIGGER guard_versions_insert BEFORE INSERT ON prompt_versions
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a version starts in DEV')
    WHERE NEW.stage IS NOT 'DEV' OR NEW.deployed_at IS NOT NULL OR NEW.retired_at IS NOT NULL;
  -- INSERT OR REPLACE would delete the row that is in its way; nothing may be in its way.
  SELECT RAISE(ABORT, 'promptledger: this id, number or label is taken')
    WHERE EXISTS (SELECT 1 FROM prompt_versions WHERE id = NEW.id)
       OR EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = NEW.prompt_id AND version = NEW.version)
       OR EXISTS (SELECT 1 FROM prompt_versions
                   WHERE prompt_id = NEW.prompt_id AND major = NEW.major AND minor = NEW.minor);
END;

-- guard: guard_versions_update on prompt_versions
CREATE TRIGGER guard_versions_update BEFORE UPDATE ON prompt_versions
BEGIN
  -- Also closes UPDATE OR REPLACE: without a new key there is no row to replace.
  SELECT RAISE(ABORT, 'promptledger: id, prompt, number, label and origin of a version never change')
    WHERE NEW.id IS NOT OLD.id OR NEW.prompt_id IS NOT OLD.prompt_id OR NEW.version IS NOT OLD.version
       OR NEW.major IS NOT OLD.major OR NEW.minor IS NOT OLD.minor
       OR NEW.created_at IS NOT OLD.created_at OR NEW.created_by IS NOT OLD.created_by
       OR NEW.based_on IS NOT OLD.based_on OR NEW.rollback_of IS NOT OLD.rollback_of
       OR NEW.is_default_from_code IS NOT OLD.is_default_from_code;
  SELECT RAISE(ABORT, 'promptledger: stages go DEV, TST, PRD, RET, one step at a time')
    WHERE NEW.stage IS NOT OLD.stage
      AND OLD.stage || '>' || NEW.stage NOT IN ('DEV>TST', 'TST>PRD', 'PRD>RET');
  SELECT RAISE(ABORT, 'promptledger: a prompt has one version in PRD')
    WHERE NEW.stage = 'PRD' AND OLD.stage <> 'PRD'
      AND EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = NEW.prompt_id AND stage = 'PRD');
  SELECT RAISE(ABORT, 'promptledger: a version is sealed while it moves and from PRD on')
    WHERE (OLD.stage IN ('PRD', 'RET') OR NEW.stage IS NOT OLD.stage)
      AND (NEW.template_source IS NOT OLD.template_source OR NEW.config IS NOT OLD.config
        OR NEW.checksum_hash IS NOT OLD.checksum_hash OR NEW.content_hash IS NOT OLD.content_hash
        OR NEW.commit_message IS NOT OLD.commit_message OR NEW.revision IS NOT OLD.revision
        OR NEW."commit" IS NOT OLD."commit" OR NEW.committed_at IS NOT OLD.committed_at
        OR NEW.updated_at IS NOT OLD.updated_at OR NEW.archived_at IS NOT OLD.archived_at);
  SELECT RAISE(ABORT, 'promptledger: dates of production are written once')
    WHERE (NEW.deployed_at IS NOT OLD.deployed_at AND OLD.stage || '>' || NEW.stage <> 'TST>PRD')
       OR (NEW.retired_at IS NOT OLD.retired_at AND OLD.stage || '>' || NEW.stage <> 'PRD>RET');
END;

-- guard: guard_versions_delete on prompt_versions
CREATE TRIGGER guard_versions_delete BEFORE DELETE ON prompt_versions
WHEN OLD.stage <> 'DEV'
BEGIN
  SELECT RAISE(ABORT, 'promptledger: Cannot delete versions that have progressed beyond DEV');
END;

-- guard: guard_prompts_insert on prompts
CREATE TRIGGER guard_prompts_insert BEFORE INSERT ON prompts
BEGIN
  SELECT RAISE(ABORT, 'promptledger: this id, name or slot is taken')
    WHERE EXISTS (SELECT 1 FROM prompts WHERE id = NEW.id OR name = NEW.name)
       OR EXISTS (SELECT 1 FROM prompts WHERE agent_id = NEW.agent_id AND status_key = NEW.status_key);
END;

-- guard: guard_prompts_update on prompts
CREATE TRIGGER guard_prompts_update BEFORE UPDATE ON prompts
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a prompt keeps its id, and its numbers and ledger only grow')
    WHERE NEW.id IS NOT OLD.id OR NEW.highest_version < OLD.highest_version OR NEW.highest_major < OLD.highest_major
       OR (NEW.highest_major = OLD.highest_major AND NEW.highest_minor < OLD.highest_minor)
       OR NEW.ledger_length < OLD.ledger_length;
  SELECT RAISE(ABORT, 'promptledger: another prompt has this name or slot')
    WHERE EXISTS (SELECT 1 FROM prompts WHERE id <> OLD.id AND name = NEW.name)
       OR EXISTS (SELECT 1 FROM prompts
                   WHERE id <> OLD.id AND agent_id = NEW.agent_id AND status_key = NEW.status_key);
  SELECT RAISE(ABORT, 'promptledger: name, type, format and mode are fixed once a version has left DEV')
    WHERE (NEW.name IS NOT OLD.name OR NEW.type IS NOT OLD.type OR NEW.mode IS NOT OLD.mode
        OR NEW.template_format IS NOT OLD.template_format)
      AND EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = OLD.id AND stage <> 'DEV');
END;

-- guard: guard_prompts_delete on prompts
CREATE TRIGGER guard_prompts_delete BEFORE DELETE ON prompts
WHEN EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = OLD.id AND stage <> 'DEV')
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a prompt with a version beyond DEV cannot be deleted');
END;

-- guard: guard_ledger_insert on ledger_events
CREATE TRIGGER guard_ledger_insert BEFORE INSERT ON ledger_events
WHEN EXISTS (SELECT 1 FROM ledger_events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM ledger_events WHERE chain = NEW.chain AND sequence = NEW.sequence)
BEGIN
  SELECT RAISE(ABORT, 'promptledger: the ledger is append-only');
END;

-- guard: guard_ledger_update on ledger_events
CREATE TRIGGER guard_ledger_update BEFORE UPDATE ON ledger_events
BEGIN
  SELECT RAISE(ABORT, 'promptledger: the ledger is append-only');
END;

-- guard: guard_ledger_delete on ledger_events
CREATE TRIGGER guard_ledger_delete BEFORE DELETE ON ledger_events
BEGIN
  SELECT RAISE(ABORT, 'promptledger: the ledger is append-only');
END;

-- guard: guard_saved_insert on saved_texts
CREATE TRIGGER guard_saved_insert BEFORE INSERT ON saved_texts
WHEN EXISTS (SELECT 1 FROM saved_texts WHERE content_hash = NEW.content_hash
             AND (template_source IS NOT NEW.template_source OR config IS NOT NEW.config OR type IS NOT NEW.type))
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a saved text never changes');
END;

-- guard: guard_saved_update on saved_texts
CREATE TRIGGER guard_saved_update BEFORE UPDATE ON saved_texts
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a saved text never changes');
END;

-- guard: guard_saved_delete on saved_texts
CREATE TRIGGER guard_saved_delete BEFORE DELETE ON saved_texts
BEGIN
  SELECT RAISE(ABORT, 'promptledger: a saved text never goes');
END;
