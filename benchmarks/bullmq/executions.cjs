// The replaced design: a BullMQ queue, one worker process, two statements an execution and one a step.
//   node executions.cjs send                  a job for each pending execution
//   node executions.cjs work CONCURRENCY STEPS   work until a signal
const { randomUUID } = require('node:crypto');
const { Queue, Worker } = require('bullmq');
const { Pool } = require('pg');

const QUEUE = 'executions';
const SEND_BATCH = 500;
const MOST_CONNECTIONS = 20;
const OUTPUT = JSON.stringify({ ok: true, message: 'y'.repeat(186) });

const CLAIM = `UPDATE executions SET status = 'running', started_at = clock_timestamp()
  WHERE id = $1 AND workspace_id = $2 RETURNING input`;
const RECORD = `INSERT INTO execution_steps
  VALUES ($1, $2, 'only', 'completed', $3, clock_timestamp(), clock_timestamp())`;
const SETTLE = `UPDATE executions SET status = 'completed', output = $1, completed_at = clock_timestamp()
  WHERE id = $2`;

const connection = { path: process.env.VALKEY_SOCKET, maxRetriesPerRequest: null };
const pool = new Pool({
  host: process.env.POSTGRES_SOCKETS,
  user: process.env.POSTGRES_USER,
  database: process.env.POSTGRES_DATABASE,
  max: MOST_CONNECTIONS,
});

async function send() {
  const queue = new Queue(QUEUE, { connection });
  const { rows } = await pool.query('SELECT id, workspace_id FROM executions');
  const jobs = rows.map((row) => ({
    name: 'execution',
    data: { executionId: row.id, workspaceId: row.workspace_id },
    opts: { removeOnComplete: true },
  }));
  for (let start = 0; start < jobs.length; start += SEND_BATCH) {
    await queue.addBulk(jobs.slice(start, start + SEND_BATCH));
  }
  await queue.close();
  await pool.end();
}

async function execute({ data: { executionId, workspaceId } }, steps) {
  await pool.query(CLAIM, [executionId, workspaceId]);
  for (let step = 0; step < steps; step += 1) {
    await pool.query(RECORD, [randomUUID(), executionId, OUTPUT]);
  }
  await pool.query(SETTLE, [OUTPUT, executionId]);
}

function work(concurrency, steps) {
  const worker = new Worker(QUEUE, (job) => execute(job, steps), { connection, concurrency });
  process.on('SIGTERM', () => worker.close(true).finally(() => process.exit(0)));
}

const [, , task, number, steps] = process.argv;
if (task === 'send') send();
else work(Number(number), Number(steps));
