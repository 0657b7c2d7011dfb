/** Why the control API refuses: each name is part of the protocol, each message says what to do. */
import { AlohadError } from './errors.js';

/** Not JSON, not a message of this protocol, wrong types. */
export class MessageError extends AlohadError {}
/** The client speaks another version of the protocol. */
export class ApiVersionError extends AlohadError {}
export class MessageTooLargeError extends AlohadError {}
export class TooManyMessagesError extends AlohadError {}
export class TooManyClientsError extends AlohadError {}
/** Another site's page, or another host name, asked. */
export class ForbiddenOriginError extends AlohadError {}
/** The token is missing or wrong. */
export class TokenError extends AlohadError {}
/** Somebody else is in control. */
export class ControlHeldError extends AlohadError {}
/** A change of mode or backend is under way; one at a time. */
export class BusyError extends AlohadError {}
/** Emergency stop: nothing moves until it is cleared. */
export class EmergencyStopError extends AlohadError {}
/** This daemon cannot do that now: a backend or mode without what it needs. */
export class UnavailableError extends AlohadError {}
/** No daemon answers, or the connection was lost. */
export class DaemonUnreachableError extends AlohadError {}
