import { z } from 'zod';
import { html, page } from './page.js';

const sentences = {
  invalid_token: 'The link that brought you here is not valid any more, or was never valid.',
  account_suspended: 'Your account is suspended. Please ask those who gave it to you.',
} as const;

/** What is not ours to show is not shown: the page repeats nothing that somebody else put into its address. */
export const toldOnSignInPage = z.object({
  error: z
    .enum(Object.keys(sentences) as (keyof typeof sentences)[])
    .optional()
    .catch(undefined),
  support: z
    .string()
    .regex(/^[0-9a-z]{10}$/)
    .optional()
    .catch(undefined),
});

/** Our own plain sign-in page: nobody signs in here, but it says where to. */
export function signInPage({ error, support }: z.output<typeof toldOnSignInPage>): string {
  return page(
    error ? 'You could not be signed in' : 'Sign in',
    html`${error ? html`<p role="alert">${sentences[error]}</p>` : ''}
<p>You sign in where you came from: go back there and open this place from your account.</p>
${support ? html`<p>If you ask for help, mention <code>${support}</code>.</p>` : ''}`,
  );
}
