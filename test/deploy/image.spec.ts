import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { NatsServer } from '#bus/nats-server.support';
import { RedisServer } from '#redis/redis-server.support';
import { eventually } from '../support/eventually.js';
import { buildImage, everyFile, type Image, instructions, lockedPackages, packagesIn } from './image.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version as string;

describe('deploy/Dockerfile', () => {
  const all = instructions();
  const last = all.filter(({ stage }) => stage === Math.max(...all.map((each) => each.stage)));
  const argsOf = (name: string) => last.filter((each) => each.name === name).map(({ args }) => args);

  it('takes every base by a version, and the Node that the launcher brings', () => {
    const [, brought] =
      /VERSION = '([\d.]+)'/.exec(readFileSync(join(root, 'tools/launcher/node24.mjs'), 'utf8')) ?? [];
    expect(all.find(({ stage }) => stage === -1)).toMatchObject({ name: 'ARG', args: `NODE=${brought}` });
    expect(all.filter(({ name }) => name === 'FROM').map(({ args }) => args)).toEqual([
      `node:\${NODE}-bookworm-slim AS build`,
      'gcr.io/distroless/cc-debian12:nonroot',
    ]);
  });

  it('installs what the lock file says and runs no script of a package', () => {
    const commands = all.filter(({ name }) => name === 'RUN').flatMap(({ args }) => args.split(' && '));
    const npm = commands.filter((command) => /^npm (?!run )/.test(command));
    expect(npm.map((command) => command.split(' ')[1])).toEqual(['ci', 'prune']);
    for (const command of npm) expect(command).toContain('--ignore-scripts');
    // Nothing that runs needs one; this one counts installations.
    const scripted = Object.entries(lockedPackages()).filter(
      ([, { dev, hasInstallScript }]) => !dev && hasInstallScript,
    );
    expect(scripted.map(([path]) => path)).toEqual(['node_modules/@scarf/scarf']);
  });

  it('runs nothing in the final stage, which belongs to a user by number', () => {
    expect(argsOf('RUN')).toEqual([]);
    expect(argsOf('USER')).toEqual(['65532:65532']);
    expect(argsOf('ENV').join(' ')).toContain('NODE_ENV=production');
    expect(argsOf('EXPOSE')).toEqual(['8080 9080']);
    const commands = [...argsOf('ENTRYPOINT'), ...argsOf('HEALTHCHECK').map((args) => args.replace(/^.*CMD /, ''))];
    for (const command of commands) expect(JSON.parse(command)[0]).toBe('/usr/local/bin/node');
    expect(commands).toHaveLength(2);
  });

  it('says what it is', () => {
    const labels = argsOf('LABEL').join(' ');
    for (const label of ['title', 'description', 'licenses', 'version', 'revision', 'base.name']) {
      expect(labels).toContain(`org.opencontainers.image.${label}="`);
    }
    expect(argsOf('ARG')).toContain(`VERSION=${version}`);
    expect(argsOf('ARG')).toContain('APP=gateway');
  });

  it('gives a process the memory that the launcher gives it', async () => {
    const { heapFlags, allocator }: { heapFlags: string[]; allocator: Record<string, string> } = await import(
      pathToFileURL(join(root, 'tools/launcher/services.mjs')).href
    );
    const env = argsOf('ENV').join(' ');
    for (const flag of heapFlags) expect(env).toContain(` ${flag}`);
    for (const [name, value] of Object.entries(allocator)) expect(env).toContain(` ${name}=${value}`);
  });

  it('holds no secret', () => {
    const set = all.filter(({ name }) => ['ARG', 'ENV'].includes(name)).map(({ args }) => args);
    expect(set.join('\n')).not.toMatch(/KEY|SECRET|PASSWORD|TOKEN|PEPPER|_URL/);
  });
});

describe('the image, built as deploy/Dockerfile says', () => {
  let image: Image;
  let nats: NatsServer;
  let redis: RedisServer;
  const database = `test_image_${randomBytes(6).toString('hex')}`;
  const running: ChildProcess[] = [];
  let files: string[];
  const written: Record<string, string> = {};

  beforeAll(async () => {
    image = await buildImage();
    nats = await NatsServer.start();
    redis = await RedisServer.at();
    await Promise.all([redis.up(), onServer(`CREATE DATABASE ${database}`)]);
    files = everyFile(image.directory);
  }, 180_000);

  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await Promise.all([image, nats, redis].map((each) => each?.[Symbol.asyncDispose]()));
    await onServer(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  });

  const secretKey = () => `k1:${randomBytes(32).toString('base64')}`;
  const sealKeys = secretKey();
  const settings = () => {
    const url = Object.assign(new URL(infrastructure('POSTGRES')), { pathname: `/${database}` }).href;
    const store = { DATABASE_URL: url };
    const cache = { REDIS_URL: redis.url.reveal() };
    const origin = { PUBLIC_URL: gateway };
    const bus = { NATS_URL: nats.url.reveal(), HOST: '127.0.0.1' };
    return {
      identity: { ...bus, ...store, SEAL_KEYS: secretKey() },
      token: { ...bus, ...store, ...cache, ...origin, SEAL_KEYS: sealKeys },
      session: { ...bus, ...store, REFRESH_MAC_KEYS: secretKey() },
      audit: { ...bus, ...store },
      gateway: { ...bus, ...cache, ...origin, ADMIN_KEY: secretKey(), PEPPER: secretKey() },
      migrate: { ...store },
    };
  };

  /** What the image gives every Node, where its `/segue` is here. */
  const nodeOptions = () => {
    const [, options = ''] = /NODE_OPTIONS='([^']+)'/.exec(argsOfEnv()) ?? [];
    return options.replaceAll('/segue/', `${image.directory}/`);
  };

  /** As the engine would start it; Node lets it write no file and start no program, wherever it tries. */
  const start = (args: readonly string[], env: NodeJS.ProcessEnv) => {
    const [entry = ''] = JSON.parse(argsOfEntrypoint()).slice(1) as string[];
    const child = spawn(process.execPath, ['--permission', '--allow-fs-read=*', entry, ...args], {
      cwd: image.directory,
      env: { NODE_ENV: 'production', NODE_OPTIONS: nodeOptions(), ...env },
    });
    running.push(child);
    const name = args.join(' ');
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        written[name] = `${written[name] ?? ''}${text}`;
      });
    }
    return child;
  };

  const healthy = (env: NodeJS.ProcessEnv) =>
    execute(process.execPath, ['deploy/image/healthy.mjs'], { cwd: image.directory, env }).then(
      () => true,
      () => false,
    );

  it('has the packages that run and no compiler, test or browser part', () => {
    const packages = packagesIn(image.directory);
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter((path) => lockedPackages()[path]?.dev)).toEqual([]);
    expect(packages.filter((path) => /typescript/.test(path))).toEqual([]);
    expect(files.filter((file) => /\.(spec|support)\.|\/testing\.|\.tsbuildinfo|\.ts /.test(file))).toEqual([]);
    for (const absent of ['test', 'apps', 'libs', 'dist/browser', 'node_modules/.bin', '.env']) {
      expect([absent, existsSync(join(image.directory, absent))]).toEqual([absent, false]);
    }
  });

  it('says what it can run when it is told something else', async () => {
    const [code] = await once(start(['shell'], {}), 'close');
    expect(code).toBe(1);
    expect(written['shell']).toContain('gateway');
  });

  it('brings the schemas up to date, and ends', async () => {
    const [code] = await once(start(['migrate'], settings().migrate), 'close');
    expect([code, written['migrate']]).toEqual([0, expect.stringMatching(/^Migrations: \d+ ran\.\n$/)]);
  });

  it('runs every service in production, writing nothing but its log, until it is told to stop', async () => {
    const env = settings();
    const services = (['identity', 'token', 'session', 'audit', 'gateway'] as const).map((name, index) => {
      const own = { ...env[name], OPS_PORT: String(opsPort + index), PORT: String(opsPort + 5), APP: name };
      // The gateway is what is built in, the others are told.
      return { name, own, child: start(name === 'gateway' ? [] : [name], own) };
    });
    for (const { name, own } of services) {
      await eventually(
        async () => (await healthy(own)) || (written[name === 'gateway' ? '' : name] ?? '').slice(-500),
        (state) => state === true,
        20_000,
      );
    }
    // Asked over NATS, made in Postgres, opened with SEAL_KEYS.
    const keys = await fetch(`${gateway}/.well-known/jwks.json`);
    expect(await keys.json()).toMatchObject({ keys: [{ crv: 'Ed25519' }, { crv: 'Ed25519' }] });

    for (const { child } of services) child.kill('SIGTERM');
    const codes = await Promise.all(
      services.map(({ child }) => child.exitCode ?? once(child, 'close').then(([code]) => code)),
    );
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    expect(everyFile(image.directory)).toEqual(files);
    expect(await healthy({ OPS_PORT: String(opsPort) })).toBe(false);
  }, 120_000);

  it('runs all of them as one process', async () => {
    const { identity, token, session, gateway: own } = settings();
    const env = { ...identity, ...token, ...session, ...own, OPS_PORT: String(opsPort), PORT: String(opsPort + 5) };
    const child = start(['segue'], { ...env, SERVICES: 'all' });
    await eventually(
      async () => (await healthy(env)) || (written['segue'] ?? '').slice(-500),
      (state) => state === true,
      20_000,
    );
    expect((await fetch(`${gateway}/.well-known/jwks.json`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(child.exitCode ?? (await once(child, 'close'))[0]).toBe(0);
    expect(everyFile(image.directory)).toEqual(files);
  }, 60_000);
});

/** Six in a row, below the range of outgoing connections; the last is the public one. */
const opsPort = 20_000 + (process.pid % 1_000) * 8;
const gateway = `http://127.0.0.1:${opsPort + 5}`;

const argsOfEntrypoint = () => instructions().find(({ name }) => name === 'ENTRYPOINT')?.args ?? '[]';
const argsOfEnv = () => instructions().find(({ name }) => name === 'ENV')?.args ?? '';

function infrastructure(part: 'POSTGRES'): string {
  const url = process.env[`SEGUE_TEST_${part}`];
  if (!url) throw new Error(`SEGUE_TEST_${part} must say where one listens; \`npm test\` starts it`);
  return url;
}

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: infrastructure('POSTGRES') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
