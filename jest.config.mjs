/** Specs are written in TypeScript beside the code and run as the compiler emits them: `npm test` builds first. */
export default {
  roots: ['<rootDir>/dist'],
  testMatch: ['**/*.spec.js'],
  transform: { '\\.js$': '<rootDir>/tools/jest/source-maps.mjs' },
  setupFiles: ['<rootDir>/tools/jest/nest-first.mjs'],
  setupFilesAfterEnv: ['<rootDir>/tools/jest/second-look.mjs'],
  reporters: ['default', '<rootDir>/tools/jest/tally.mjs'],
  maxWorkers: 2,
  // Specs run on real stores, some on five processes of their own: the limit is for what hangs.
  testTimeout: 30_000,
};
