import { Agent, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';

/** What curl, the AWS CLI and others read too. */
export interface ProxyVariables {
  readonly HTTP_PROXY?: string;
  readonly HTTPS_PROXY?: string;
  /** Hosts that are reached without a proxy: `minio.internal,.example.com,127.0.0.1`. */
  readonly NO_PROXY?: string;
}

/** Makes a `fetch` that obeys proxy variables; `ca` is all that it trusts, undefined for what Node trusts. */
export function proxiedFetch(
  { HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: ProxyVariables,
  ca: string[] | undefined,
): typeof fetch {
  const tls = ca === undefined ? {} : { ca };
  const open = (proxy: string | undefined) =>
    proxy === undefined
      ? new Agent({ connect: tls })
      : new EnvHttpProxyAgent({
          httpProxy: proxy,
          httpsProxy: proxy,
          noProxy: NO_PROXY ?? '',
          connect: tls,
          requestTls: tls,
          proxyTls: tls,
        });
  // One each: it would take the proxy for http where there is none for https.
  const dispatchers = { http: open(HTTP_PROXY), https: open(HTTPS_PROXY) };
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const dispatcher = /^https:/i.test(url) ? dispatchers.https : dispatchers.http;
    // The same functions as Node's own, whose types come from another copy of the library.
    const options = { ...init, dispatcher } as Parameters<typeof undiciFetch>[1];
    return undiciFetch(url, options) as unknown as Promise<Response>;
  };
}
