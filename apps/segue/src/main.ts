import { configOrExit } from '#ops/process';
import { segueEnv } from './segue.config.js';

/** Loaded on demand: a process pays for what it runs. */
const programs = {
  all: () => import('./all.js'),
  gateway: () => import('../../gateway/src/main.js'),
  identity: () => import('../../identity/src/main.js'),
  token: () => import('../../token/src/main.js'),
  session: () => import('../../session/src/main.js'),
  audit: () => import('../../audit/src/main.js'),
};

await programs[configOrExit('segue', segueEnv).SERVICES]();
