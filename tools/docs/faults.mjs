import { built, code, page, table } from './page.mjs';

export async function faultsPage() {
  const { faults } = await built('libs/contracts/src/fault.js');
  const { claimRefusals, linkRefusals, mergeRefusals, passwordRefusals } = await built('libs/contracts/src/refusal.js');
  const { statusOf } = await built('apps/gateway/src/http/status.js');
  const codes = Object.entries(faults).map(([name, { kind, outcome, says }]) => {
    if (!statusOf[kind]) throw new Error(`the gateway has no status for ${kind}`);
    return [code(name.replaceAll('.', '_')), statusOf[kind], kind, outcome ? code(outcome) : '', says];
  });
  return page(
    'Faults',
    { from: '`libs/contracts/src/fault.ts`, `refusal.ts` and `apps/gateway/src/http/status.ts`' },
    `Decide by \`code\`, never by the sentence. Our own routes answer \`application/problem+json\` (RFC 9457) with \`code\` and
\`traceId\`; a partner protocol has an envelope of its own. Every 503 says by the header \`Segue-Outcome\`
whether anything may have happened: \`not_executed\` surely had no effect, \`unknown\` may have.`,
    table(['Code', 'Status', 'Kind', 'Outcome', 'Sentence'], codes),
    `## Why a link was refused

A refused link answers \`invalid_token\` (or \`account_suspended\`) and a support id, never the reason. The reason stands in the
audit trail under that id, with this advice: \`GET /v1/admin/audit?support=<id>\`.`,
    reasonsTable(linkRefusals),
    `## Why a code or token was refused

What opens a session once: the code of a landing, a custom token, a one-time token. Outside all of these reasons look the same, in
the envelope of the protocol; the fact is \`token.claim_failed\`.`,
    reasonsTable(claimRefusals),
    `## Why a password was refused

\`POST /api/token\` answers \`invalid_grant\` whichever it was; the fact is \`password.refused\`.`,
    reasonsTable(passwordRefusals),
    `## Why an anonymous account was not merged

The sign-in goes on without it; the fact is \`user.merge_refused\`.`,
    reasonsTable(mergeRefusals),
  );
}

const reasonsTable = (reasons) =>
  table(
    ['Reason', 'What to do'],
    Object.entries(reasons).map(([reason, advice]) => [code(reason), advice]),
  );
