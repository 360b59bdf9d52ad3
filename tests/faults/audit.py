"""Triggers that write down every change of every execution and step, whoever makes it."""

AUDIT = """
CREATE TABLE audit (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(), execution_id uuid NOT NULL, step_id text,
  old_status text, new_status text NOT NULL, old_claim int, new_claim int, old_worker text, new_worker text);

CREATE FUNCTION audit_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit (execution_id, old_status, new_status, old_claim, new_claim, old_worker, new_worker)
  VALUES (NEW.id, OLD.status, NEW.status, OLD.claim_no, NEW.claim_no, OLD.worker, NEW.worker);
  RETURN NULL;
END $$;
CREATE TRIGGER audit_execution AFTER UPDATE ON executions FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.claim_no <> NEW.claim_no
        OR OLD.worker IS DISTINCT FROM NEW.worker
        OR (OLD.status IN ('completed', 'failed', 'cancelled') AND OLD.* IS DISTINCT FROM NEW.*))
  EXECUTE FUNCTION audit_execution();

CREATE FUNCTION audit_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit (execution_id, step_id, old_status, new_status)
  VALUES (NEW.execution_id, NEW.step_id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
  RETURN NULL;
END $$;
CREATE TRIGGER audit_new_step AFTER INSERT ON execution_steps FOR EACH ROW EXECUTE FUNCTION audit_step();
CREATE TRIGGER audit_step AFTER UPDATE ON execution_steps FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION audit_step();
"""
