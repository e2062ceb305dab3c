-- What is served changes: the number that every process compares its answers with goes up (versions/generation.py).

-- guard: served_versions_insert on prompt_versions
CREATE TRIGGER served_versions_insert AFTER INSERT ON prompt_versions
WHEN NEW.stage = 'PRD'
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_versions_update on prompt_versions
CREATE TRIGGER served_versions_update AFTER UPDATE ON prompt_versions
WHEN NEW.stage = 'PRD' OR OLD.stage = 'PRD'
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_versions_delete on prompt_versions
CREATE TRIGGER served_versions_delete AFTER DELETE ON prompt_versions
WHEN OLD.stage = 'PRD'
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_prompts_update on prompts
CREATE TRIGGER served_prompts_update AFTER UPDATE ON prompts
WHEN NEW.name IS NOT OLD.name
  OR NEW.agent_id IS NOT OLD.agent_id
  OR NEW.status_key IS NOT OLD.status_key
  OR NEW.type IS NOT OLD.type
  OR NEW.template_format IS NOT OLD.template_format
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_agents_update on agents
CREATE TRIGGER served_agents_update AFTER UPDATE ON agents
WHEN NEW.name IS NOT OLD.name
  OR NEW.primary_status_key IS NOT OLD.primary_status_key
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_keys_update on api_keys
CREATE TRIGGER served_keys_update AFTER UPDATE ON api_keys
WHEN NEW.prefix IS NOT OLD.prefix
  OR NEW.digest IS NOT OLD.digest
  OR NEW.scopes IS NOT OLD.scopes
  OR NEW.user_id IS NOT OLD.user_id
  OR NEW.expires_at IS NOT OLD.expires_at
  OR NEW.revoked_at IS NOT OLD.revoked_at
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_keys_delete on api_keys
CREATE TRIGGER served_keys_delete AFTER DELETE ON api_keys
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_users_update on auth_user
CREATE TRIGGER served_users_update AFTER UPDATE ON auth_user
WHEN NEW.is_active IS NOT OLD.is_active
  OR NEW.is_superuser IS NOT OLD.is_superuser
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_memberships_update on auth_user_groups
CREATE TRIGGER served_memberships_update AFTER UPDATE ON auth_user_groups
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_memberships_delete on auth_user_groups
CREATE TRIGGER served_memberships_delete AFTER DELETE ON auth_user_groups
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_grants_update on auth_user_user_permissions
CREATE TRIGGER served_grants_update AFTER UPDATE ON auth_user_user_permissions
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_grants_delete on auth_user_user_permissions
CREATE TRIGGER served_grants_delete AFTER DELETE ON auth_user_user_permissions
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_roles_update on auth_group_permissions
CREATE TRIGGER served_roles_update AFTER UPDATE ON auth_group_permissions
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_roles_delete on auth_group_permissions
CREATE TRIGGER served_roles_delete AFTER DELETE ON auth_group_permissions
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;

-- guard: served_permissions_update on auth_permission
CREATE TRIGGER served_permissions_update AFTER UPDATE ON auth_permission
WHEN NEW.codename IS NOT OLD.codename
  OR NEW.content_type_id IS NOT OLD.content_type_id
BEGIN
  INSERT INTO served_generation (id, number) VALUES (1, CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET number = max(served_generation.number + 1, excluded.number);
END;
