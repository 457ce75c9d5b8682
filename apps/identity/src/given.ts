import { Fault } from '#contracts/fault';
import { canonicalLocale, normalEmail } from '#contracts/person';
import type { Claims } from './domain/identity.js';

/**
 * What was said of a user, in normal form.
 *
 * @throws Fault `request.invalid` with the member's name
 */
export function given({ email, username, locale }: GivenTexts): Claims {
  return {
    email: email === undefined ? undefined : (normalEmail(email) ?? refuse('email')),
    username,
    locale: locale === undefined ? undefined : (canonicalLocale(locale) ?? refuse('locale')),
  };
}

interface GivenTexts {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
  readonly locale?: string | undefined;
}

function refuse(member: string): never {
  throw new Fault('request.invalid', { detail: member });
}
