import { json, request } from '../connection.mjs';
import { expect, firstSight, repeated, userToken } from '../flow.mjs';

const auth = ({ API_KEY }) => json('POST', '/auth', { api_key: API_KEY });
const pairOf = (status, body) => expect(status === 200, JSON.parse(body));
const verify = (access) => request('GET', '/verify', { Authorization: `Bearer ${access}` });
const wire = (env) => ({ auth: auth(env), verify, pairOf });

/** The flows over the wire that both baselines speak. */
export const flows = {
  F1: {
    connect: (env) => ({ next: () => auth(env), on: (status, _head, body) => !!pairOf(status, body).refresh_token }),
  },

  F2: {
    connect(env) {
      let refresh;
      return {
        ready: () => refresh !== undefined,
        next: () => (refresh ? json('POST', '/refresh', { refresh_token: refresh }) : auth(env)),
        on(status, _head, body) {
          const isRefresh = refresh !== undefined;
          refresh = pairOf(status, body).refresh_token;
          return isRefresh;
        },
      };
    },
  },

  F3: {
    connect(env) {
      let access;
      let token;
      return {
        ready: () => access !== undefined,
        next() {
          if (!access) return auth(env);
          return token
            ? request('GET', `/land?t=${token}`)
            : request('POST', '/one-time', { Authorization: `Bearer ${access}` });
        },
        on(status, head, body) {
          if (!access) access = pairOf(status, body).access_token;
          else if (!token) token = pairOf(status, body).token;
          else {
            token = undefined;
            return expect(status === 303 && /set-cookie/i.test(head), true);
          }
          return false;
        },
      };
    },
  },

  F4: {
    connect({ LINK_SECRET }, index) {
      let count = 0;
      return {
        next: () => request('GET', `/link?clientId=client&userToken=${userToken(LINK_SECRET, index, count++)}`),
        on: (status, head) => expect(status === 303 && /set-cookie/i.test(head), true),
      };
    },
  },

  F5: { connect: (env) => repeated(wire(env)) },

  'F5-first': { connect: (env) => firstSight(wire(env)) },
};
