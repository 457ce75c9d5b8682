import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { standStill } from '#ops/spare-server.support';

const serviceNames = ['gateway', 'identity', 'token', 'session', 'audit'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** The services that keep something in Postgres. */
const stores = ['identity', 'token', 'session', 'audit'] as const;

/**
 * The five services, as five processes or as one, on a fresh database, with a NATS and a Redis of their own under the
 * accounts of `deploy/`.
 */
export interface Stack {
  /** The gateway, as clients see it. */
  readonly url: string;
  readonly adminKey: string;
  readonly oneProcess: boolean;
  /** The private listeners; the same for all services of one process. */
  readonly ops: Readonly<Record<ServiceName, string>>;
  /** The superuser's URL; `postgresAs` gives a service's. */
  readonly postgres: string;
  /** The operator's URL; `redisAs` gives another account's. */
  readonly redis: string;
  /** The operator's URL; `natsAs` gives another account's. */
  readonly nats: string;
  natsAs(account: ServiceName | 'segue' | 'reader'): string;
  redisAs(account: 'gateway' | 'token' | 'segue'): string;
  postgresAs(service: (typeof stores)[number]): string;
  /** Where each process writes its log. */
  readonly logs: string;
  /** The file in which a service's lines are; services of one process share it. */
  logOf(name: ServiceName): string;
  /** Every secret of this run. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Starts one more process of a service, which shares its work with the first. */
  addReplica(name: Exclude<ServiceName, 'gateway'>): Promise<void>;
  /** Starts one more gateway, which listens for itself. @returns where */
  addGateway(): Promise<string>;
  /** Sends a signal to a process of the stack: that of a service, `NATS`, or `Redis`. */
  signal(name: ServiceName | 'NATS' | 'Redis', signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface StackOptions {
  /** As where it matters: only known hosts are answered, and no default of development is taken. */
  readonly production?: boolean;
  /**
   * The five services as one process; unless told, as `SEGUE_TEST_FORM` says (`one-process`, otherwise five). `false` for
   * what stops or adds single services, or listens to what they ask each other.
   */
  readonly oneProcess?: boolean;
  /** Further settings of the gateway's environment, e.g. `LIMITS`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Puts something between the services and their database, e.g. a tap; answers the URL to use. */
  readonly viaDatabase?: (url: string) => Promise<string>;
}

/** How long a spec may wait for `startStack`, in milliseconds. */
export const startMs = 60_000;

/** Starts a stack against `SEGUE_TEST_POSTGRES`; takes about four seconds. */
export async function startStack({
  env = {},
  production = false,
  oneProcess = process.env['SEGUE_TEST_FORM'] === 'one-process',
  viaDatabase = async (url) => url,
}: StackOptions = {}): Promise<Stack> {
  const tools = await launcher();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const directory = tools.inDev(`test-stack-${process.pid}-${name}`);
  const logs = join(directory, 'logs');
  const processes = await tools.claim(directory);
  const stop = async () => {
    await processes.stop();
    await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    for (const service of stores) await onServer(`DROP ROLE IF EXISTS ${name}_${service}`);
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    await onServer(`CREATE DATABASE ${name}`);
    const postgres = withDatabase(testPostgres(), name);
    const place = (part: string) => ({
      processes,
      directory: join(directory, part),
      log: join(logs, `${part}.log`),
      layer: 1,
    });
    const secrets = tools.newSecrets();
    const [nats, redis, port, opsPort] = await Promise.all([
      tools.startNats({ ...place('nats'), secrets }),
      tools.startRedis({ ...place('redis'), secrets }),
      tools.freePort(),
      tools.freePort(),
      tools.migrate(postgres, secrets),
    ]);
    const infrastructure = { postgres: await viaDatabase(postgres), redis, nats };
    const settings = {
      ...tools.serviceSettings({ infrastructure, secrets, port }),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      ...(production && { NODE_ENV: 'production' }),
    };
    // The launcher hands on whatever it does not manage itself.
    Object.assign(process.env, env);
    const startAll = oneProcess ? tools.startOneProcess : tools.startServices;
    const services = await startAll({ processes, settings, logs, opsPort });
    const processOf = (name: ServiceName) => (oneProcess ? 'segue' : name);
    const opsOf = (name: ServiceName) => services.find((each) => each.name === processOf(name))?.ops;

    return {
      url: settings.PUBLIC_URL,
      oneProcess,
      adminKey: secrets['ADMIN_KEY'] ?? '',
      ops: Object.fromEntries(serviceNames.map((name) => [name, opsOf(name)])) as Stack['ops'],
      postgres,
      redis,
      nats,
      natsAs: (account) => tools.urlFor('NATS', account, nats, secrets),
      redisAs: (account) => tools.urlFor('REDIS', account, redis, secrets),
      postgresAs: (service) => tools.urlFor('POSTGRES', service, postgres, secrets),
      logs,
      logOf: (name) => join(logs, `${processOf(name)}.log`),
      secrets,
      addReplica: async (name) => void (await tools.startService(name, { processes, settings, logs })),
      addGateway: async () => {
        const PORT = String(await tools.freePort());
        await tools.startService('gateway', { processes, settings: { ...settings, PORT }, logs });
        return `http://127.0.0.1:${PORT}`;
      },
      signal: (name, signal) => {
        const pid = pidOf(name === 'NATS' || name === 'Redis' ? name : processOf(name), directory);
        if (signal === 'SIGSTOP') standStill(pid);
        else process.kill(pid, signal);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Service {
  readonly name: string;
  readonly ops: string;
}

/** The launcher records its children, so that what it leaves behind is found. */
function pidOf(name: string, directory: string): number {
  const { children } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8'));
  const child = (children as { name: string; pid: number }[]).find((each) => each.name === name);
  if (!child) throw new Error(`the stack has no process ${name}`);
  return child.pid;
}

function testPostgres(): string {
  const url = process.env['SEGUE_TEST_POSTGRES'];
  if (!url) throw new Error('SEGUE_TEST_POSTGRES must say where one listens; `npm test` starts it');
  return url;
}

function withDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: testPostgres() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

interface Processes {
  stop(): Promise<void>;
}

interface Place {
  readonly processes: Processes;
  readonly directory: string;
  readonly log: string;
  readonly layer: number;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** What the stack uses of the launcher (`tools/`), which is plain JavaScript. */
interface Launcher {
  inDev(...parts: string[]): string;
  claim(directory: string): Promise<Processes>;
  freePort(): Promise<number>;
  migrate(databaseUrl: string, passwords: Readonly<Record<string, string>>): Promise<string>;
  urlFor(
    part: 'NATS' | 'REDIS' | 'POSTGRES',
    account: string,
    url: string,
    secrets: Readonly<Record<string, string>>,
  ): string;
  newSecrets(): Record<string, string>;
  startNats(place: Place): Promise<string>;
  startRedis(place: Place): Promise<string>;
  serviceSettings(options: object): Record<string, string>;
  startServices(options: object): Promise<Service[]>;
  startOneProcess(options: object): Promise<Service[]>;
  startService(name: ServiceName, options: object): Promise<Service>;
}

async function launcher(): Promise<Launcher> {
  const tool = (name: string) => import(pathToFileURL(join(import.meta.dirname, '../../../tools', `${name}.mjs`)).href);
  const [paths, processes, ports, migration, secrets, accounts, nats, redis, services] = await Promise.all(
    [
      'launcher/paths',
      'launcher/processes',
      'launcher/ports',
      'migrate',
      'launcher/secrets',
      'launcher/accounts',
      'launcher/nats',
      'launcher/redis',
      'launcher/services',
    ].map(tool),
  );
  return {
    ...paths,
    ...ports,
    ...migration,
    ...secrets,
    ...accounts,
    ...nats,
    ...redis,
    ...services,
    claim: (directory) => processes.Processes.claim(directory),
  };
}
