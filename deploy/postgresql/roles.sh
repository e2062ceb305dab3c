#!/bin/sh
# Two roles, as docs/operations.md says: one owns the tables and migrates, the other runs the application, and the guards
# of the database hold against it. PostgreSQL's image runs this once, on a fresh volume.
#   OWNER_PASSWORD, APP_PASSWORD; POSTGRES_USER and POSTGRES_DB as PostgreSQL's image has them
set -eu
: "${OWNER_PASSWORD:?}" "${APP_PASSWORD:?}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv database POSTGRES_DB
CREATE ROLE promptledger_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE promptledger_app LOGIN PASSWORD :'app_password';
ALTER DATABASE :"database" OWNER TO promptledger_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO promptledger_app;
ALTER SCHEMA public OWNER TO promptledger_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO promptledger_app;
ALTER DEFAULT PRIVILEGES FOR ROLE promptledger_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO promptledger_app;
ALTER DEFAULT PRIVILEGES FOR ROLE promptledger_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO promptledger_app;
SQL
