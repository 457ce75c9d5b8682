// npm run --silent secrets > .env: what docker-compose.yml needs to know, freshly made.
import { randomBytes } from 'node:crypto';
import { newSecrets } from './launcher/secrets.mjs';

const made = { POSTGRES_PASSWORD: randomBytes(24).toString('hex'), ...newSecrets() };
for (const [name, value] of Object.entries(made)) console.log(`${name}=${value}`);
