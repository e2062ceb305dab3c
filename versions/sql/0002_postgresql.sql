-- What is served changes: the number that every process compares its answers with goes up (versions/generation.py).
-- A row that nobody else holds is taken, or a new one made: writers never wait for each other here. The sum counts.

-- guard: served_versions_insert on prompt_versions
CREATE OR REPLACE FUNCTION served_versions_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM became WHERE stage = 'PRD') THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_versions_insert AFTER INSERT ON prompt_versions REFERENCING NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_versions_insert();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER served_versions_insert;

-- guard: served_versions_update on prompt_versions
CREATE OR REPLACE FUNCTION served_versions_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM became WHERE stage = 'PRD') AND NOT EXISTS (SELECT 1 FROM was WHERE stage = 'PRD') THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_versions_update AFTER UPDATE ON prompt_versions REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_versions_update();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER served_versions_update;

-- guard: served_versions_delete on prompt_versions
CREATE OR REPLACE FUNCTION served_versions_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM was WHERE stage = 'PRD') THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_versions_delete AFTER DELETE ON prompt_versions REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION served_versions_delete();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER served_versions_delete;

-- guard: served_versions_truncate on prompt_versions
CREATE OR REPLACE FUNCTION served_versions_truncate() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_versions_truncate AFTER TRUNCATE ON prompt_versions FOR EACH STATEMENT EXECUTE FUNCTION served_versions_truncate();
ALTER TABLE prompt_versions ENABLE ALWAYS TRIGGER served_versions_truncate;

-- guard: served_prompts_update on prompts
CREATE OR REPLACE FUNCTION served_prompts_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT id, name, agent_id, status_key, type, template_format FROM became EXCEPT SELECT id, name, agent_id, status_key, type, template_format FROM was) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_prompts_update AFTER UPDATE ON prompts REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_prompts_update();
ALTER TABLE prompts ENABLE ALWAYS TRIGGER served_prompts_update;

-- guard: served_agents_update on agents
CREATE OR REPLACE FUNCTION served_agents_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT id, name, primary_status_key FROM became EXCEPT SELECT id, name, primary_status_key FROM was) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_agents_update AFTER UPDATE ON agents REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_agents_update();
ALTER TABLE agents ENABLE ALWAYS TRIGGER served_agents_update;

-- guard: served_keys_update on api_keys
CREATE OR REPLACE FUNCTION served_keys_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT id, prefix, digest, scopes, user_id, expires_at, revoked_at FROM became EXCEPT SELECT id, prefix, digest, scopes, user_id, expires_at, revoked_at FROM was) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_keys_update AFTER UPDATE ON api_keys REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_keys_update();
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER served_keys_update;

-- guard: served_keys_delete on api_keys
CREATE OR REPLACE FUNCTION served_keys_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_keys_delete AFTER DELETE OR TRUNCATE ON api_keys FOR EACH STATEMENT EXECUTE FUNCTION served_keys_delete();
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER served_keys_delete;

-- guard: served_users_update on auth_user
CREATE OR REPLACE FUNCTION served_users_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT id, is_active, is_superuser FROM became EXCEPT SELECT id, is_active, is_superuser FROM was) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_users_update AFTER UPDATE ON auth_user REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_users_update();
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER served_users_update;

-- guard: served_memberships on auth_user_groups
CREATE OR REPLACE FUNCTION served_memberships() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_memberships AFTER UPDATE OR DELETE OR TRUNCATE ON auth_user_groups FOR EACH STATEMENT EXECUTE FUNCTION served_memberships();
ALTER TABLE auth_user_groups ENABLE ALWAYS TRIGGER served_memberships;

-- guard: served_grants on auth_user_user_permissions
CREATE OR REPLACE FUNCTION served_grants() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_grants AFTER UPDATE OR DELETE OR TRUNCATE ON auth_user_user_permissions FOR EACH STATEMENT EXECUTE FUNCTION served_grants();
ALTER TABLE auth_user_user_permissions ENABLE ALWAYS TRIGGER served_grants;

-- guard: served_roles on auth_group_permissions
CREATE OR REPLACE FUNCTION served_roles() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_roles AFTER UPDATE OR DELETE OR TRUNCATE ON auth_group_permissions FOR EACH STATEMENT EXECUTE FUNCTION served_roles();
ALTER TABLE auth_group_permissions ENABLE ALWAYS TRIGGER served_roles;

-- guard: served_permissions_update on auth_permission
CREATE OR REPLACE FUNCTION served_permissions_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
  free bigint;
  moment bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF NOT EXISTS (SELECT id, codename, content_type_id FROM became EXCEPT SELECT id, codename, content_type_id FROM was) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO free FROM served_generation ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE served_generation SET number = greatest(number + 1, moment) WHERE id = free;
  ELSE
    INSERT INTO served_generation (number) VALUES (moment);
  END IF;
  RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER served_permissions_update AFTER UPDATE ON auth_permission REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION served_permissions_update();
ALTER TABLE auth_permission ENABLE ALWAYS TRIGGER served_permissions_update;
