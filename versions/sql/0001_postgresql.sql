-- guard: guard_versions_insert on prompt_versions
CREATE OR REPLACE FUNCTION guard_versions_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  IF NEW.stage <> 'DEV' OR NEW.deployed_at IS NOT NULL OR NEW.retired_at IS NOT NULL THEN
    RAISE EXCEPTION 'promptledger: a version starts in DEV' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$guard$;
CREATE OR REPLACE TRIGGER guard_versions_insert BEFORE INSERT ON prompt_versions FOR EACH ROW EXECUTE FUNCTION guard_versions_insert();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER guard_versions_insert;

-- guard: guard_versions_update on prompt_versions
CREATE OR REPLACE FUNCTION guard_versions_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  move text := OLD.stage || '>' || NEW.stage;
BEGIN
  IF (NEW.id, NEW.prompt_id, NEW.version, NEW.major, NEW.minor, NEW.created_at, NEW.created_by, NEW.based_on,
      NEW.rollback_of, NEW.is_default_from_code)
     IS DISTINCT FROM
     (OLD.id, OLD.prompt_id, OLD.version, OLD.major, OLD.minor, OLD.created_at, OLD.created_by, OLD.based_on,
      OLD.rollback_of, OLD.is_default_from_code) THEN
    RAISE EXCEPTION 'promptledger: id, prompt, number, label and origin of a version never change' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.stage <> OLD.stage AND move NOT IN ('DEV>TST', 'TST>PRD', 'PRD>RET') THEN
    RAISE EXCEPTION 'promptledger: stages go DEV, TST, PRD, RET, one step at a time' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (OLD.stage IN ('PRD', 'RET') OR NEW.stage <> OLD.stage)
     AND (NEW.template_source, NEW.config, NEW.checksum_hash, NEW.content_hash, NEW.commit_message, NEW.revision,
          NEW.commit, NEW.committed_at, NEW.updated_at, NEW.archived_at)
         IS DISTINCT FROM
         (OLD.template_source, OLD.config, OLD.checksum_hash, OLD.content_hash, OLD.commit_message, OLD.revision,
          OLD.commit, OLD.committed_at, OLD.updated_at, OLD.archived_at) THEN
    RAISE EXCEPTION 'promptledger: a version is sealed while it moves and from PRD on' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.deployed_at IS DISTINCT FROM OLD.deployed_at AND move <> 'TST>PRD')
     OR (NEW.retired_at IS DISTINCT FROM OLD.retired_at AND move <> 'PRD>RET') THEN
    RAISE EXCEPTION 'promptledger: dates of production are written once' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$guard$;
CREATE OR REPLACE TRIGGER guard_versions_update BEFORE UPDATE ON prompt_versions FOR EACH ROW EXECUTE FUNCTION guard_versions_update();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER guard_versions_update;

-- guard: guard_versions_delete on prompt_versions
CREATE OR REPLACE FUNCTION guard_versions_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  IF OLD.stage <> 'DEV' THEN
    RAISE EXCEPTION 'promptledger: Cannot delete versions that have progressed beyond DEV' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END
$guard$;
CREATE OR REPLACE TRIGGER guard_versions_delete BEFORE DELETE ON prompt_versions FOR EACH ROW EXECUTE FUNCTION guard_versions_delete();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER guard_versions_delete;

-- guard: guard_versions_truncate on prompt_versions
CREATE OR REPLACE FUNCTION guard_versions_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: versions are not truncated' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_versions_truncate BEFORE TRUNCATE ON prompt_versions FOR EACH STATEMENT EXECUTE FUNCTION guard_versions_truncate();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER guard_versions_truncate;

-- guard: guard_prompts_update on prompts
CREATE OR REPLACE FUNCTION guard_prompts_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  IF NEW.id <> OLD.id OR NEW.highest_version < OLD.highest_version OR NEW.ledger_length < OLD.ledger_length
     OR (NEW.highest_major, NEW.highest_minor) < (OLD.highest_major, OLD.highest_minor) THEN
    RAISE EXCEPTION 'promptledger: a prompt keeps its id, and its numbers and ledger only grow' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.name, NEW.type, NEW.mode, NEW.template_format) IS DISTINCT FROM
     (OLD.name, OLD.type, OLD.mode, OLD.template_format)
     AND EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = OLD.id AND stage <> 'DEV') THEN
    RAISE EXCEPTION 'promptledger: name, type, format and mode are fixed once a version has left DEV' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$guard$;
CREATE OR REPLACE TRIGGER guard_prompts_update BEFORE UPDATE ON prompts FOR EACH ROW EXECUTE FUNCTION guard_prompts_update();
ALTER TABLE prompts ENABLE ALWAYS TRIGGER guard_prompts_update;

-- guard: guard_prompts_delete on prompts
CREATE OR REPLACE FUNCTION guard_prompts_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  IF EXISTS (SELECT 1 FROM prompt_versions WHERE prompt_id = OLD.id AND stage <> 'DEV') THEN
    RAISE EXCEPTION 'promptledger: a prompt with a version beyond DEV cannot be deleted' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END
$guard$;
CREATE OR REPLACE TRIGGER guard_prompts_delete BEFORE DELETE ON prompts FOR EACH ROW EXECUTE FUNCTION guard_prompts_delete();
ALTER TABLE prompts ENABLE ALWAYS TRIGGER guard_prompts_delete;

-- guard: guard_prompts_truncate on prompts
CREATE OR REPLACE FUNCTION guard_prompts_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: prompts are not truncated' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_prompts_truncate BEFORE TRUNCATE ON prompts FOR EACH STATEMENT EXECUTE FUNCTION guard_prompts_truncate();
ALTER TABLE prompts ENABLE ALWAYS TRIGGER guard_prompts_truncate;

-- guard: guard_ledger_change on ledger_events
CREATE OR REPLACE FUNCTION guard_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_ledger_change BEFORE UPDATE OR DELETE ON ledger_events FOR EACH ROW EXECUTE FUNCTION guard_ledger_change();
ALTER TABLE ledger_events ENABLE ALWAYS TRIGGER guard_ledger_change;

-- guard: guard_ledger_truncate on ledger_events
CREATE OR REPLACE FUNCTION guard_ledger_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_ledger_truncate BEFORE TRUNCATE ON ledger_events FOR EACH STATEMENT EXECUTE FUNCTION guard_ledger_truncate();
ALTER TABLE ledger_events ENABLE ALWAYS TRIGGER guard_ledger_truncate;

-- guard: guard_saved_change on saved_texts
CREATE OR REPLACE FUNCTION guard_saved_change() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: a saved text never changes and never goes' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_saved_change BEFORE UPDATE OR DELETE ON saved_texts FOR EACH ROW EXECUTE FUNCTION guard_saved_change();
ALTER TABLE saved_texts ENABLE ALWAYS TRIGGER guard_saved_change;

-- guard: guard_saved_truncate on saved_texts
CREATE OR REPLACE FUNCTION guard_saved_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION 'promptledger: a saved text never goes' USING ERRCODE = 'integrity_constraint_violation';
END
$guard$;
CREATE OR REPLACE TRIGGER guard_saved_truncate BEFORE TRUNCATE ON saved_texts FOR EACH STATEMENT EXECUTE FUNCTION guard_saved_truncate();
ALTER TABLE saved_texts ENABLE ALWAYS TRIGGER guard_saved_truncate;
