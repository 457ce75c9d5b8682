import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { IJob } from 'kubernetes-models/batch/v1';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IContainer, IPodSpec, IService } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { migrationReads, requiredBy, type ServiceName, secretsOf, services, settingsOf } from './settings.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const kubernetes = join(root, 'deploy/kubernetes');
const scratch = join(root, `.dev/test-kubernetes-${process.pid}`);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
}
type Labels = Readonly<Record<string, string>>;
interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

const kubectl = await findKubectl();
const rendered = kubectl ? it : it.skip;
const overlays = ['overlays/small', 'overlays/production'];
const folders = [...overlays, 'migration'];

describe('deploy/kubernetes', () => {
  const manifests = new Map<string, Manifest[]>();
  const of = <Kind>(folder: string, kind: string) =>
    (manifests.get(folder) ?? []).filter((each) => each.kind === kind) as unknown as (Kind & Manifest)[];
  const podsOf = (folder: string) =>
    [...of<IDeployment>(folder, 'Deployment'), ...of<IJob>(folder, 'Job')].map(({ metadata, spec }) => ({
      name: metadata.name,
      labels: spec?.template.metadata?.labels ?? {},
      pod: spec?.template.spec as IPodSpec,
    }));
  const containersOf = (folder: string) =>
    podsOf(folder).flatMap(({ name, pod }) => pod.containers.map((container) => ({ name, container })));

  beforeAll(async () => {
    for (const folder of kubectl ? folders : []) {
      const { stdout } = await execute(kubectl?.command ?? '', ['kustomize', join(kubernetes, folder)], {
        env: kubectl?.env,
      });
      manifests.set(folder, documents(stdout));
    }
    mkdirSync(scratch, { recursive: true });
  }, 60_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  rendered.each(folders)('%s and what it needs is told by kubectl kustomize', (folder) => {
    const names = services.toSorted();
    if (folder === 'migration') expect(of(folder, 'Job').map(({ metadata }) => metadata.name)).toEqual(['migration']);
    else expect(of(folder, 'Deployment').map(({ metadata }) => metadata.name)).toEqual(names);
  });

  it('every document has the types of Kubernetes, and no field that it does not know', async () => {
    const examples = globSync('examples/*.yaml', { cwd: kubernetes }).flatMap((file) =>
      documents(readFileSync(join(kubernetes, file), 'utf8')),
    );
    const all = [...examples, ...folders.flatMap((folder) => manifests.get(folder) ?? [])].filter(
      // Operators bring types of their own.
      ({ apiVersion }) => !apiVersion.includes('cnpg.io'),
    );
    expect(all.length).toBeGreaterThan(kubectl ? 45 : 4);
    expect(await typeErrors(all)).toBe('');
    const [one] = all.filter(({ kind }) => kind === 'StatefulSet');
    expect(await typeErrors([{ ...one, replicaz: 1 } as unknown as Manifest])).toContain('replicaz');
  }, 60_000);

  rendered.each(folders)('%s: everything stands in the namespace, and no Secret is among it', (folder) => {
    for (const { kind, metadata } of manifests.get(folder) ?? []) {
      expect(kind).not.toBe('Secret');
      expect([metadata.name, kind === 'Namespace' ? metadata.name : metadata.namespace]).toEqual([
        metadata.name,
        'segue',
      ]);
    }
  });

  rendered.each(folders)('%s: every container is confined, bounded and of the one version', (folder) => {
    for (const { pod } of podsOf(folder)) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      });
    }
    for (const { container } of containersOf(folder)) {
      expect(container).toMatchObject({
        image: `registry.example.com/segue:${version}`,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { cpu: expect.any(String), memory: expect.any(String) },
        },
      });
    }
  });

  rendered.each(overlays)('%s: a process may fill its heap and its young objects within its limit', (folder) => {
    const image = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
    const flag = (name: string) => Number(new RegExp(`--${name}=(\\d+)`).exec(image)?.[1]);
    const heap = flag('max-old-space-size') + 3 * flag('max-semi-space-size');
    for (const { name, container } of containersOf(folder)) {
      const [, limit] = /^(\d+)Mi$/.exec(String(container.resources?.limits?.['memory'])) ?? [];
      // Beside the heap: Node's own program, code and what is allocated natively; three hashes of 60 MiB.
      expect(Number(limit)).toBeGreaterThanOrEqual(heap + 100 + (name === 'identity' ? 180 : 0));
    }
  });

  rendered.each(overlays)('%s: every service is asked on its private port', (folder) => {
    for (const { name, container } of containersOf(folder)) {
      expect(container.args).toEqual([name]);
      expect(container.ports).toContainEqual({ name: 'ops', containerPort: 9080 });
      expect(container).toMatchObject({
        startupProbe: { httpGet: { path: '/health/live', port: 'ops' } },
        readinessProbe: { httpGet: { path: '/health/ready', port: 'ops' } },
        livenessProbe: { httpGet: { path: '/health/live', port: 'ops' } },
      });
    }
  });

  rendered.each(overlays)(
    '%s: every service is told what it needs and nothing else, secrets by reference',
    (folder) => {
      const [told] = of<IConfigMap>(folder, 'ConfigMap');
      for (const { name, container } of containersOf(folder)) {
        const service = name as ServiceName;
        const given = (container.env ?? []).map((each) => each.name);
        expect(container.envFrom).toBeUndefined();
        expect([service, given.filter((each) => !settingsOf(service).includes(each))]).toEqual([service, []]);
        expect([service, requiredBy(service).filter((each) => !given.includes(each))]).toEqual([service, []]);
        for (const { name: setting, value, valueFrom } of container.env ?? []) {
          expect(value).toBeUndefined();
          if (secretsOf(service).includes(setting)) {
            expect(valueFrom).toEqual({ secretKeyRef: { name: service, key: setting } });
          } else {
            expect(valueFrom).toEqual({ configMapKeyRef: { name: told?.metadata.name, key: setting } });
            expect(told?.data).toHaveProperty(setting);
          }
        }
      }
    },
  );

  rendered('the migration is told what it reads, by reference', () => {
    const [{ container } = { container: {} as IContainer }] = containersOf('migration');
    expect(container.args).toEqual(['migrate']);
    expect((container.env ?? []).map(({ name }) => name)).toEqual(migrationReads);
    for (const { name, valueFrom } of container.env ?? []) {
      expect(valueFrom).toEqual({ secretKeyRef: { name: 'migration', key: name } });
    }
  });

  describe('who may talk to whom', () => {
    const stores = globSync('examples/{postgres,nats,redis}.yaml', { cwd: kubernetes }).flatMap((file) =>
      documents(readFileSync(join(kubernetes, file), 'utf8')).flatMap((each) => {
        const { spec } = each as unknown as {
          spec: { template?: { metadata: { labels: Labels } }; inheritedMetadata?: { labels: Labels } };
        };
        const labels = spec.template?.metadata.labels ?? spec.inheritedMetadata?.labels;
        return labels ? [labels] : [];
      }),
    );

    /** As the cluster reads the policies: `<from> → <port> of <to>` for every pair of pods that may. */
    const talks = (folder: string) => {
      const ours = [...podsOf(folder), ...podsOf('migration')];
      const policies = of<INetworkPolicy>(folder, 'NetworkPolicy');
      return ours.flatMap(({ name, labels }) =>
        policies
          .filter(({ spec }) => matches(spec?.podSelector as Selector, labels))
          .flatMap(({ spec }) =>
            (spec?.egress ?? []).flatMap(({ to = [], ports = [] }) =>
              to.flatMap(({ namespaceSelector, podSelector }) => {
                const where = namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'];
                const names = podSelector?.matchLabels?.['app.kubernetes.io/component'] ?? where;
                return ports.map(({ port }) => `${name} → ${port} of ${names}`);
              }),
            ),
          ),
      );
    };

    rendered.each(overlays)('%s: nobody but whom a policy names', (folder) => {
      const policies = of<INetworkPolicy>(folder, 'NetworkPolicy');
      expect(policies.find(({ metadata }) => metadata.name === 'nobody')?.spec).toEqual({
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
      });
      const all = [...services, 'migration'];
      const owners = ['identity', 'token', 'session', 'audit', 'migration'];
      expect(talks(folder).toSorted()).toEqual(
        [
          ...all.flatMap((name) => [`${name} → 53 of kube-system`, `${name} → 53 of kube-system`]),
          ...services.map((name) => `${name} → 4222 of nats`),
          ...['gateway', 'token'].map((name) => `${name} → 6379 of redis`),
          ...owners.map((name) => `${name} → 5432 of postgres`),
        ].toSorted(),
      );
      const heard = policies.flatMap(({ metadata, spec }) =>
        (spec?.ingress ?? []).flatMap(({ from = [], ports = [] }) =>
          from.flatMap(({ namespaceSelector }) =>
            ports.map(({ port }) => [
              metadata.name,
              namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'],
              port,
            ]),
          ),
        ),
      );
      expect(heard).toEqual([
        ['ingress-to-gateway', 'ingress-nginx', 8080],
        ['monitoring-to-ops', 'monitoring', 9080],
      ]);
    });

    rendered.each(overlays)('%s: every selector finds somebody', (folder) => {
      const ours = [...podsOf(folder), ...podsOf('migration')].map(({ labels }) => labels);
      const found = (selector: Selector | undefined, among: readonly Labels[]) =>
        among.some((labels) => matches(selector, labels));
      for (const { metadata, spec } of of<INetworkPolicy>(folder, 'NetworkPolicy')) {
        expect([metadata.name, found(spec?.podSelector as Selector, ours)]).toEqual([metadata.name, true]);
        const values = (spec?.podSelector?.matchExpressions ?? []).flatMap((each) => each.values ?? []);
        const unknown = values.filter((value) => !ours.some((each) => each['app.kubernetes.io/component'] === value));
        expect([metadata.name, unknown]).toEqual([metadata.name, []]);
        for (const { podSelector, namespaceSelector } of (spec?.egress ?? []).flatMap(({ to = [] }) => to)) {
          if (namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'] === 'kube-system') continue;
          expect([metadata.name, found(podSelector as Selector, stores)]).toEqual([metadata.name, true]);
        }
      }
      for (const { metadata, spec } of of<IService>(folder, 'Service')) {
        expect([metadata.name, found({ matchLabels: spec?.selector ?? {} }, ours)]).toEqual([metadata.name, true]);
      }
    });

    rendered('only the gateway is called, and every private port can be read', () => {
      const called = of<IService>('overlays/small', 'Service').map(({ metadata, spec }) => [
        metadata.name,
        podsOf('overlays/small')
          .filter(({ labels }) => matches({ matchLabels: spec?.selector ?? {} }, labels))
          .map(({ name }) => name),
      ]);
      expect(Object.fromEntries(called)).toEqual({ gateway: ['gateway'], ops: services.toSorted() });
    });
  });

  rendered('small is one of each, production at least two, spread and never all drained at once', () => {
    const small = of<IDeployment>('overlays/small', 'Deployment').map(({ spec }) => spec?.replicas);
    expect(small).toEqual([1, 1, 1, 1, 1]);
    expect(of('overlays/small', 'HorizontalPodAutoscaler')).toEqual([]);

    const names = services.toSorted();
    const scalers = of<IHorizontalPodAutoscaler>('overlays/production', 'HorizontalPodAutoscaler');
    expect(scalers.map(({ spec }) => spec?.scaleTargetRef.name).toSorted()).toEqual(names);
    for (const { spec } of scalers) expect(spec?.minReplicas).toBe(2);
    const deployments = of<IDeployment>('overlays/production', 'Deployment');
    for (const { metadata, spec } of deployments) {
      // A number here would undo what the autoscaler has found.
      expect(spec?.replicas).toBeUndefined();
      const spread = spec?.template.spec?.topologySpreadConstraints ?? [];
      expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
        'kubernetes.io/hostname',
        'topology.kubernetes.io/zone',
      ]);
      for (const { labelSelector } of spread) {
        expect(matches(labelSelector as Selector, spec?.template.metadata?.labels ?? {})).toBe(true);
        expect(labelSelector?.matchLabels?.['app.kubernetes.io/component']).toBe(metadata.name);
      }
    }
    const budgets = of<IPodDisruptionBudget>('overlays/production', 'PodDisruptionBudget');
    expect(budgets.map(({ metadata }) => metadata.name).toSorted()).toEqual(names);
    for (const { metadata, spec } of budgets) {
      expect(spec?.maxUnavailable).toBe(1);
      const protects = podsOf('overlays/production').filter(({ labels }) =>
        matches(spec?.selector as Selector, labels),
      );
      expect(protects.map(({ name }) => name)).toEqual([metadata.name]);
    }
  });
});

function documents(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS();
  });
}

function matches({ matchLabels = {}, matchExpressions = [] }: Selector = {}, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`${operator} is not read here`);
      return values.includes(labels[key] ?? '');
    })
  );
}

/** Each document as a literal of its interface: the compiler refuses a field it does not know. */
async function typeErrors(all: readonly Manifest[]): Promise<string> {
  const kinds = [...new Map(all.map((each) => [`${each.apiVersion}/${each.kind}`, each])).values()];
  const imports = kinds.map(
    ({ apiVersion, kind }) => `import type { I${kind} } from 'kubernetes-models/${apiVersion}';`,
  );
  const literals = all.map(
    (each, index) => `export const d${index}: I${each.kind} = ${JSON.stringify(each, null, 1)};`,
  );
  const file = join(scratch, 'documents.ts');
  writeFileSync(file, [...imports, ...literals].join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--target', 'es2024'];
  return execute(join(root, 'node_modules/.bin/tsc'), [
    ...options,
    '--module',
    'nodenext',
    '--types',
    'node',
    file,
  ]).then(
    () => '',
    ({ stdout }) => String(stdout),
  );
}

/** From PATH, else of a Debian package, as the launcher brings Redis; null where neither has one that knows `labels`. */
async function findKubectl(): Promise<{ command: string; env: NodeJS.ProcessEnv } | null> {
  const wanted = { names: ['kubectl'], debian: 'kubernetes-client', install: 'https://kubernetes.io/docs/tasks/tools' };
  try {
    const { program } = await import(pathToFileURL(join(root, 'tools/launcher/program.mjs')).href);
    const found = await program(wanted);
    const { stdout } = await execute(found.command, ['version', '--client', '-o', 'json'], { env: found.env });
    const { gitVersion } = JSON.parse(stdout).clientVersion;
    const [, major, minor] = /v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
    if (Number(major) > 1 || Number(minor) >= 27) return found;
    console.warn(`kubectl is ${gitVersion}: the overlays are rendered with 1.27 or newer only, so that is skipped`);
  } catch (error) {
    console.warn(`without kubectl no overlay is rendered: ${error instanceof Error ? error.message : error}`);
  }
  return null;
}
