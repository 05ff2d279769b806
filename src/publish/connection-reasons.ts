/** Why a server cannot be spoken to, in plain words, by the code of Node's error. `it` is the server. */
export const connectionReasons: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the name of its host cannot be resolved',
  ECONNABORTED: 'it closed the connection',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'no route to its host',
  ENETUNREACH: 'its network is unreachable',
  ENOTFOUND: 'the name of its host cannot be resolved',
  EPIPE: 'it closed the connection',
  EPROTO: 'it does not speak TLS (is it http instead of https?)',
  ERR_STREAM_PREMATURE_CLOSE: 'it closed the connection',
  ETIMEDOUT: 'the connection timed out',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS (is it http instead of https?)',
};
