import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { migrationReads, requiredBy, type ServiceName, services, settingsOf } from './settings.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

interface Part {
  readonly image: string;
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes?: readonly string[];
  readonly restart: string;
  readonly healthcheck?: { readonly test?: string; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const compose = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Part>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const parts = Object.entries(compose.services);
const stores = ['postgres', 'redis', 'nats'];

describe('docker-compose.yml', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'segue-compose-'));
  const made = join(scratch, '.env');
  const secrets = (file: string) => execute(process.execPath, [join(root, 'tools/compose-env.mjs'), file]);

  beforeAll(() => secrets(made));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('is the whole platform', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual([...stores, 'migrate', ...services].toSorted());
  });

  it.each(parts)('%s is confined', (_, part) => {
    expect(part).toMatchObject({
      read_only: true,
      tmpfs: expect.arrayContaining(['/tmp']),
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(part).not.toHaveProperty('privileged');
    expect(part).not.toHaveProperty('cap_add');
    expect(part.image).toMatch(/^[a-z]+:\d[\w.-]*$/);
  });

  it('publishes the gateway and nothing else; only it can be reached from outside', () => {
    expect(parts.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['gateway']);
    expect(compose.services['gateway']?.ports).toEqual([expect.stringMatching(/:8080$/)]);
    expect(compose.networks['inside']).toEqual({ internal: true });
    for (const [name, { networks }] of parts) {
      expect([name, networks]).toEqual([name, name === 'gateway' ? ['inside', 'outside'] : ['inside']]);
    }
  });

  it.each(services)('%s is told what it reads and nothing else', (name) => {
    const { environment = {}, command, image } = compose.services[name] as Part;
    const given = Object.keys(environment);
    expect({ command, image }).toEqual({ command: name, image: `segue:${version}` });
    expect(given.filter((each) => !settingsOf(name as ServiceName).includes(each))).toEqual([]);
    expect(requiredBy(name as ServiceName).filter((each) => !given.includes(each))).toEqual([]);
    expect(environment['NODE_ENV']).toBe('production');
  });

  it('tells the migration what it reads', () => {
    expect(Object.keys(compose.services['migrate']?.environment ?? {})).toEqual(migrationReads);
  });

  it('starts nothing before what it needs is healthy', () => {
    for (const [name, { depends_on = {} }] of parts) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const wanted = needed === 'migrate' ? 'service_completed_successfully' : 'service_healthy';
        expect([name, needed, condition]).toEqual([name, needed, wanted]);
      }
    }
    const needs = Object.fromEntries(parts.map(([name, { depends_on }]) => [name, Object.keys(depends_on ?? {})]));
    expect(needs).toMatchObject({
      migrate: ['postgres'],
      gateway: expect.arrayContaining(['redis', 'nats', 'identity', 'token', 'session', 'audit']),
    });
    for (const name of services.filter((each) => each !== 'gateway')) expect(needs[name]).toContain('migrate');
    // The stores say how; the services' image does (deploy/Dockerfile).
    for (const name of stores) expect(compose.services[name]?.healthcheck?.test).toBeTruthy();
    for (const name of services) expect(compose.services[name]?.healthcheck).toBeUndefined();
    for (const [name, { restart }] of parts) expect(restart).toBe(name === 'migrate' ? 'no' : 'unless-stopped');
  });

  it('keeps what the stores keep in volumes with names', () => {
    const mounted = stores.map((name) => compose.services[name]?.volumes?.[0]?.split(':')[0]);
    expect(mounted).toEqual(stores);
    expect(Object.keys(compose.volumes).toSorted()).toEqual(stores.toSorted());
  });

  it('holds no secret: each comes from .env, which one command makes whole', () => {
    const asked = [...new Set(Array.from(text.matchAll(/(?<!\$)\$\{([A-Z_]+):\?/g), ([, name]) => name))];
    const lines = readFileSync(made, 'utf8').trim().split('\n');
    const names = lines.map((line) => line.split('=')[0]);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter((name) => !names.includes(name ?? ''))).toEqual([]);
    expect(names.filter((name) => !asked.includes(name ?? ''))).toEqual([]);
    expect(statSync(made).mode & 0o777).toBe(0o600);
    expect(text).not.toMatch(/(PASSWORD|KEYS?|PEPPER): (?!['"]?\$\{)/);
  });

  it('gets other secrets each time, and never loses those in use', async () => {
    const before = readFileSync(made, 'utf8');
    await expect(secrets(made)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('exists') });
    expect(readFileSync(made, 'utf8')).toBe(before);
    const emptied = join(scratch, 'emptied');
    writeFileSync(emptied, '');
    await secrets(emptied);
    const values = [before, readFileSync(emptied, 'utf8')].flatMap((each) => each.trim().split('\n'));
    expect(new Set(values).size).toBe(values.length);
    expect(statSync(emptied).mode & 0o777).toBe(0o600);
  });

  const known = findCompose();
  (known ? it : it.skip)('is read by docker-compose, 1.29 and later', async () => {
    const [command = '', ...args] = known ?? [];
    const file = ['-f', join(root, 'docker-compose.yml')];
    const run = (env: string) => execute(command, [...args, '--env-file', env, ...file, 'config'], { cwd: scratch });
    const { stdout } = await run(made);
    expect(Object.keys(parse(stdout).services).toSorted()).toEqual(Object.keys(compose.services).toSorted());
    expect(stdout).not.toContain('${');
    // Nothing starts with an empty secret.
    const empty = join(scratch, 'empty');
    writeFileSync(empty, '\n');
    await expect(run(empty)).rejects.toMatchObject({ code: expect.any(Number) });
  });
});

function findCompose(): string[] | null {
  const folders = (process.env['PATH'] ?? '').split(':');
  const has = (name: string) => folders.some((folder) => statSync(join(folder, name), { throwIfNoEntry: false }));
  if (has('docker-compose')) return ['docker-compose'];
  console.warn('without docker-compose on PATH, `docker-compose config` is not run');
  return null;
}
