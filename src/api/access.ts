/**
 * Who may talk to the daemon.
 *
 * On a loopback address everybody on this machine may, but no web page of another site: a browser sends the page's
 * Origin, and a name that was rebound to 127.0.0.1 shows in Host. On any other address a token is needed as well.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ForbiddenOriginError, TokenError } from '../contract/apiErrors.js';
import { UsageError } from '../contract/errors.js';

export interface AccessRules {
  /** Address that is listened on. */
  readonly bind: string;
  readonly token?: string | undefined;
  /** Origins of pages that are not ours and may come in. */
  readonly admits?: (origin: string) => boolean;
}

/** Shorter ones are guessed. */
const SHORTEST_TOKEN = 16;

/** Whether a host name or address is this machine's own. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Throws UsageError when these rules would leave the arms open to a network. */
export function requireSafe({ bind, token }: AccessRules): void {
  if (token !== undefined && token.length < SHORTEST_TOKEN) {
    throw new UsageError(`the token has ${token.length} characters; use at least ${SHORTEST_TOKEN}`);
  }
  if (!isLoopback(bind) && token === undefined) {
    throw new UsageError(
      `${bind} can be reached from the network: give --token (or ALOHAD_TOKEN), such as "$(openssl rand -hex 16)", ` +
        'or bind to 127.0.0.1 and use an ssh tunnel',
    );
  }
}

/** Throws ForbiddenOriginError or TokenError. */
export function requireAccess(request: IncomingMessage, rules: AccessRules): void {
  const { host = '', origin, authorization } = request.headers;
  if (isLoopback(rules.bind) && !isLoopback(hostName(host))) {
    throw new ForbiddenOriginError(`this daemon is not called ${host}; use http://localhost and its port`);
  }
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (!own && !rules.admits?.(origin)) {
    throw new ForbiddenOriginError(`a page of ${origin} may not use the daemon at ${host}`);
  }
  if (rules.token === undefined) return;
  const given =
    /^Bearer (.+)$/.exec(authorization ?? '')?.[1] ??
    new URL(request.url ?? '/', 'http://localhost').searchParams.get('token') ??
    undefined;
  if (given === undefined || !sameText(given, rules.token)) {
    throw new TokenError(
      `the token is ${given === undefined ? 'missing' : 'wrong'}: send "Authorization: Bearer TOKEN" or ?token=TOKEN`,
    );
  }
}

/** In a time that tells nothing about where they differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
