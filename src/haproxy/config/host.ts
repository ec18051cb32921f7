/**
 * Holds the host that a request is for, as hosts are compared: without a port, in small letters, without the dot at the end
 * that only says that the name is complete (RFC 3986, section 3.2.2). HTTP/1.0 may name none.
 */
export const HOST = 'txn.host';

/** The host with a wildcard in place of its first label. */
export const WILDCARD_HOST = `var(${HOST}),regsub(^[^.]*,*)`;

/** Found once for all rules that ask for it. HAProxy refuses requests whose Host fields differ, so the first one will do. */
export const HOST_LINE = `http-request set-var(${HOST}) req.fhdr(host,1),host_only,lower,rtrim(.)`;
