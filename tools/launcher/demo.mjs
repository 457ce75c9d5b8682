import { inDev } from './paths.mjs';
import { readJson, writePrivateJson } from './private-json.mjs';

const file = inDev('demo.json');
const registration = { name: 'Demo', settings: { landingUrl: '/demo', loginUrl: '/login' } };

/** The demo client's id and link secret as `npm start` keeps them, or null before its first run. */
export const readDemo = () => readJson(file);

/** The demo client: the one kept where the gateway still knows it, else a new one. */
export async function seedDemo({ gateway, adminKey }) {
  const clients = `${gateway}/v1/admin/clients`;
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const kept = readDemo();
  if (kept && (await fetch(`${clients}/${kept.clientId}`, { headers })).ok) return kept;

  const answer = await fetch(clients, { method: 'POST', headers, body: JSON.stringify(registration) });
  if (answer.status !== 201) throw new Error(`The demo client was refused: ${answer.status} ${await answer.text()}`);
  const { clientId, linkSecret } = await answer.json();
  const demo = { clientId, linkSecret: linkSecret.secret };
  writePrivateJson(file, demo);
  return demo;
}
