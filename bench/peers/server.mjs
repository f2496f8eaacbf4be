// c15t's backend, set up as its documents say, on Node's own HTTP server. DB is
// sqlite:PATH or postgres://…; a commit is on the disk when it is answered.
import cluster from 'node:cluster';
import { serve } from '@hono/node-server';
import { c15tInstance } from '@c15t/backend';
import { kyselyAdapter } from '@c15t/backend/db/adapters/kysely';
import { migrator } from '@c15t/backend/db/migrator';
import { DB } from '@c15t/backend/db/schema';
import Database from 'better-sqlite3';
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely';
import pg from 'pg';

const address = process.env.DB;
const path = address.startsWith('sqlite:') && address.slice('sqlite:'.length);
const processes = Number(process.env.PROCESSES ?? 1);

function dialect() {
  if (!path) return new PostgresDialect({ pool: new pg.Pool({ connectionString: address, max: Number(process.env.POOL ?? 16) }) });
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('busy_timeout = 10000');
  return new SqliteDialect({ database });
}

const adapter = kyselyAdapter({ db: new Kysely({ dialect: dialect() }), provider: path ? 'sqlite' : 'postgresql' });

async function primary() {
  await (await migrator({ db: DB.client(adapter), schema: 'latest' })).execute();
  if (processes === 1) return listen();
  for (let i = 0; i < processes; i++) cluster.fork();
  process.on('SIGTERM', () => {
    for (const w of Object.values(cluster.workers)) w.process.kill();
    process.exit();
  });
  let up = 0;
  cluster.on('listening', (_, { port }) => ++up === processes && tell(port));
}

function listen() {
  const { handler } = c15tInstance({
    appName: 'bench',
    basePath: '/',
    adapter,
    trustedOrigins: ['localhost'],
    disableGeoLocation: true,
    apiKeys: [process.env.TOKEN],
    logger: { level: 'error' },
  });
  serve({ fetch: handler, hostname: '127.0.0.1', port: 0 }, ({ port }) => cluster.isPrimary && tell(port));
}

const tell = (port) => console.log(JSON.stringify({ port }));

await (cluster.isPrimary ? primary() : listen());
