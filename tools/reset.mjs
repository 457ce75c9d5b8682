// npm run reset: forgets all data of `npm start`, and the keys that seal it; brought programs and packages stay.
import { rmSync } from 'node:fs';
import { inDev } from './launcher/paths.mjs';
import { Processes } from './launcher/processes.mjs';
import { report } from './launcher/refusal.mjs';

try {
  const processes = await Processes.claim(inDev());
  for (const forgotten of ['data', 'logs', 'secrets.json', 'demo.json', 'run.json']) {
    rmSync(inDev(forgotten), { recursive: true, force: true });
  }
  await processes.stop();
  console.log('All data is forgotten. The next `npm start` begins anew.');
} catch (error) {
  report(error);
}
