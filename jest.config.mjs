/** Specs are written in TypeScript beside the code and run as the compiler emits them: `npm test` builds first. */
const specs = {
  testMatch: ['**/*.spec.js'],
  transform: { '\\.js$': '<rootDir>/tools/jest/source-maps.mjs' },
  setupFilesAfterEnv: ['<rootDir>/tools/jest/second-look.mjs'],
};
const nestFirst = '<rootDir>/tools/jest/nest-first.mjs';

export default {
  projects: [
    { ...specs, displayName: 'five processes', roots: ['<rootDir>/dist'], setupFiles: [nestFirst] },
    {
      ...specs,
      displayName: 'one process',
      roots: ['<rootDir>/dist/test/protocols'],
      // These choose the form themselves: what is stopped alone, and what is tapped, has to be a process.
      testPathIgnorePatterns: ['outage\\.spec', 'client-token/keys\\.spec', 'one-process\\.spec'],
      setupFiles: ['<rootDir>/tools/jest/one-process.mjs', nestFirst],
    },
  ],
  reporters: ['default', '<rootDir>/tools/jest/tally.mjs'],
  maxWorkers: 2,
  // Specs run on real stores, some on five processes of their own: the limit is for what hangs.
  testTimeout: 30_000,
};
