// Who may import whom: docs/architecture.md, executable. `npm run check` runs it over every .ts file.
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const spec = '[.](spec|support)[.]ts$|/testing[.]ts$';
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;
const services = 'identity|token|session|audit';

/** The use cases of a service: what its controllers call. A use case is a file, so no naming rule could tell them. */
const useCases = services.split('|').flatMap((service) => {
  const folder = join('apps', service, 'src');
  const controllers = readdirSync(join(__dirname, folder)).filter((file) => file.endsWith('.controller.ts'));
  const texts = controllers.map((file) => readFileSync(join(__dirname, folder, file), 'utf8'));
  const names = texts.flatMap((text) => Array.from(text.matchAll(/from '[.]\/([a-z-]+)[.]js'/g), ([, name]) => name));
  return [...new Set(names)].map((name) => `^${folder}/${name}[.]ts$`);
});

const store = '^apps/[^/]+/src/store/|[.]store[.]ts$';

/** In the gateway every folder is a protocol, or one of our own surfaces, but these. */
const protocol = '^apps/gateway/src/(?!guards/|http/|feed/)[^/]+/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or miss a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that imports nothing and that nothing imports is dead, or not wired.',
      severity: 'error',
      from: { orphan: true, pathNot: [spec, '/main[.]ts$', '^test/', '^libs/browser/'] },
      to: {},
    },
    {
      name: 'packages-are-declared',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-packages-at-run-time',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: spec },
      to: { dependencyTypes: ['npm-dev'], pathNot: npm('@types') },
    },
    {
      name: 'no-test-code-at-run-time',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: spec },
      to: { path: [spec, '^test/'] },
    },

    {
      name: 'no-barrels',
      comment: 'An index.ts that re-exports a folder makes everybody depend on everything: import the file you need.',
      severity: 'error',
      from: { path: '(^|/)index[.]ts$' },
      to: {},
    },
    {
      name: 'no-grab-bags',
      comment: 'A lib is named after the one thing it is.',
      severity: 'error',
      from: {},
      to: { path: '^libs/(common|shared|core|utils?|helpers?)/|/(utils?|helpers?)([.]ts$|/)', pathNot: 'node_modules' },
    },

    {
      name: 'apps-stand-alone',
      comment: 'Services talk over the bus; what both need is a lib. Only `segue` knows them all: it runs them.',
      severity: 'error',
      from: { path: '^apps/(?!segue/)([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|test)/' },
    },
    {
      name: 'contracts-need-only-zod',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: spec },
      to: { pathNot: ['^libs/contracts/', npm('zod')] },
    },
    {
      name: 'the-browser-part-stands-alone',
      comment: 'One file that a page loads as it is.',
      severity: 'error',
      from: { path: '^libs/browser/', pathNot: spec },
      to: { path: '' },
    },
    {
      name: 'metrics-need-only-their-client',
      comment: 'Whoever counts something imports the table; the client only shows it.',
      severity: 'error',
      from: { path: '^libs/metrics/', pathNot: spec },
      to: { pathNot: ['^libs/metrics/', npm('@prometheus-io/client'), '^(node:)?timers/promises$'] },
    },
    {
      name: 'secrets-are-pure',
      comment: 'Computations on bytes: no I/O, no framework.',
      severity: 'error',
      from: { path: '^libs/secrets/', pathNot: spec },
      to: { pathNot: ['^libs/secrets/', '^(node:)?(crypto|zlib)$'] },
    },
    {
      name: 'domain-is-pure',
      comment:
        'The rules of a service: no Nest, TypeORM, ioredis, rxjs, no I/O and no clock. zod is no I/O, and node:url knows domain names.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/domain/', pathNot: spec },
      to: {
        pathNot: ['^apps/$1/src/domain/', '^libs/(contracts|secrets)/', npm('zod'), '^(node:)?(crypto|url)$'],
      },
    },

    {
      name: 'use-cases-stand-alone',
      comment:
        'A use case calls its domain and its store; what two of them share is one of those, or a file of its own.',
      severity: 'error',
      from: { path: useCases },
      to: { path: useCases },
    },
    {
      name: 'stores-know-no-caller',
      severity: 'error',
      from: { path: store, pathNot: spec },
      to: { path: ['^libs/(bus/src/(?!call[.])|ops/)', '[.](controller|module)[.]ts$', ...useCases] },
    },
    {
      name: 'http-stays-in-the-gateway',
      comment: 'A service answers faults; only the gateway turns them into statuses.',
      severity: 'error',
      from: { path: `^apps/(${services})/|^libs/(?!ops/)`, pathNot: spec },
      to: {
        path: [
          npm('fastify', '@fastify/[^/]+', '@nestjs/(platform-fastify|platform-express|swagger|throttler)'),
          '^(node:)?https?$',
        ],
      },
    },

    {
      name: 'protocols-stand-alone',
      comment: 'What two protocols share belongs to http/ or guards/; better still, they repeat themselves.',
      severity: 'error',
      from: { path: '^apps/gateway/src/(?!guards/|http/|feed/)([^/]+)/' },
      to: { path: protocol, pathNot: '^apps/gateway/src/$1/' },
    },
    {
      name: 'the-edge-knows-no-protocol',
      severity: 'error',
      from: { path: '^apps/gateway/src/(guards|http|feed)/', pathNot: spec },
      to: { path: [protocol, '^apps/gateway/src/[^/]+[.](module|controller)[.]ts$'] },
    },
    {
      name: 'http-knows-no-guard',
      severity: 'error',
      from: { path: '^apps/gateway/src/http/', pathNot: spec },
      to: { path: '^apps/gateway/src/guards/' },
    },
    {
      name: 'the-feed-knows-no-edge',
      comment: 'What is revoked is heard from the bus, whatever request may want to know it.',
      severity: 'error',
      from: { path: '^apps/gateway/src/feed/', pathNot: spec },
      to: { path: '^apps/gateway/src/(guards|http)/' },
    },
    {
      name: 'the-gateway-has-no-database',
      severity: 'error',
      from: { path: '^apps/gateway/' },
      to: { path: ['^libs/(postgres|outbox)/', npm('pg', 'typeorm')] },
    },
    {
      name: 'protocols-have-no-store',
      comment: 'Redis holds the counters of the edge and nothing of a protocol.',
      severity: 'error',
      from: { path: protocol },
      to: { path: ['^libs/redis/', npm('ioredis')] },
    },

    {
      name: 'nats-only-in-the-bus',
      severity: 'error',
      from: {
        pathNot: ['^(libs/bus|test/subscriber)/', '^test/(support/nats|guarantees/least-privilege\\.spec)\\.ts$'],
      },
      to: { path: npm('@nats-io/[^/]+', '@nestjs/microservices') },
    },
    {
      name: 'the-subscriber-is-an-outsider',
      comment: 'An integrator copies it: it knows the stream and nothing else of ours.',
      severity: 'error',
      from: { path: '^test/subscriber/', pathNot: spec },
      to: { path: ['^(apps|libs|tools)/', '^test/(?!subscriber/)'] },
    },
    {
      name: 'databases-only-in-stores',
      comment: 'SQL and its driver are the matter of stores and of the libs below them.',
      severity: 'error',
      from: {
        path: '^(apps|libs)/',
        pathNot: ['^libs/(postgres|outbox|redis)/', store, spec],
      },
      to: { path: npm('pg', 'typeorm') },
    },
  ],
  options: {
    babelConfig: { fileName: join(__dirname, 'tools', 'typescript-imports.cjs') },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      conditionNames: ['types', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json'],
      mainFields: ['main', 'types'],
    },
  },
};
