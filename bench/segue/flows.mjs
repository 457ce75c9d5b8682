import { json, request } from '../connection.mjs';
import { expect, firstSight, repeated, userToken } from '../flow.mjs';

const auth = ({ apiKey }) => request('POST', '/v1/auth', { 'x-api-key': apiKey });
const pairOf = (status, body) => expect(status === 200, JSON.parse(body));
const verify = (access) => request('GET', '/v1/verify', { Authorization: `Bearer ${access}` });
const wire = (env) => ({ auth: auth(env), verify, pairOf });

/** The flows of Segue: protocols 002 (F1, F2), 004 (F3), 000 (F4), and forward-auth (F5). */
export const flows = {
  F1: {
    connect: (env) => ({ next: () => auth(env), on: (status, _head, body) => !!pairOf(status, body).refresh_token }),
  },

  F2: {
    connect(env) {
      let refresh;
      return {
        ready: () => refresh !== undefined,
        next: () => (refresh ? json('POST', '/v1/auth/refresh', { refresh_token: refresh }) : auth(env)),
        on(status, _head, body) {
          const isRefresh = refresh !== undefined;
          refresh = pairOf(status, body).refresh_token;
          return isRefresh;
        },
      };
    },
  },

  F3: {
    connect({ accessTokens }, index) {
      const headers = { Authorization: `Bearer ${accessTokens[index % accessTokens.length]}` };
      let token;
      return {
        next: () =>
          token ? request('GET', `/login?t=${token}`) : request('POST', '/api/sys/users/token/refresh', headers),
        on(status, head, body) {
          if (!token) {
            token = pairOf(status, body).Value;
            return false;
          }
          token = undefined;
          return expect(status === 303 && /set-cookie/i.test(head), true);
        },
      };
    },
  },

  F4: {
    connect({ clientId, linkSecret, population }, index) {
      let count = 0;
      return {
        next: () =>
          request(
            'GET',
            `/api/link?clientId=${clientId}&userToken=${userToken(linkSecret, index, count++, population)}`,
          ),
        on: (status, head) => expect(status === 303 && /set-cookie/i.test(head), true),
      };
    },
  },

  F5: { connect: (env) => repeated(wire(env)) },

  'F5-first': { connect: (env) => firstSight(wire(env)) },
};
