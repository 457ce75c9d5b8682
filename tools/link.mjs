// npm run link: another hand-off link of the running Segue, for any user.
import { parseArgs } from 'node:util';
import { readDemo } from './launcher/demo.mjs';
import { handOffLink } from './launcher/hand-off-link.mjs';
import { inDev } from './launcher/paths.mjs';
import { readJson } from './launcher/private-json.mjs';
import { isRunning } from './launcher/processes.mjs';
import { Refusal, report } from './launcher/refusal.mjs';

const help = `npm run link -- [options]: prints a hand-off link; open it in a browser to sign in.

  --user <id>         the user's id at the client (demo)
  --email <address>   --username <name>   --locale <tag>
  --callback <path>   where to land instead of the client's landing page
  --client <id>       another client than the demo one; its link secret in the variable LINK_SECRET
`;

const text = { type: 'string' };
const options = { user: text, email: text, username: text, locale: text, callback: text, client: text };

try {
  const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
  console.log(values.help ? help : link(values));
} catch (error) {
  report(error);
}

function link({ user = 'demo', email, username, locale, callback, client }) {
  const running = readJson(inDev('run.json'));
  if (!running || !isRunning(inDev())) throw new Refusal('Segue is not running: start it with `npm start`.');
  return handOffLink({
    gateway: running.gateway,
    ...signer(client),
    user: { userId: user, email, username, locale },
    callbackPath: callback,
  });
}

function signer(client) {
  const demo = readDemo();
  if (client === undefined || client === demo.clientId) return demo;
  const linkSecret = process.env.LINK_SECRET;
  if (!linkSecret) throw new Refusal(`A link of the client ${client} is signed with its link secret: set LINK_SECRET.`);
  return { clientId: client, linkSecret };
}
