import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../helpers/port.ts';
import { fetchPage, serveFiles } from './clients.ts';
import type { Stage } from './stage.ts';

/** Serves the repository of `prepareRepository` over HTTPS while `use` runs. */
export async function serveShared<T>(
  shared: string,
  use: (url: string, ca: string) => Promise<T>,
): Promise<T> {
  await using server = await serveFiles(join(shared, 'repository'), join(shared, 'tls'));
  return await use(server.url, join(shared, 'ca.pem'));
}

/** Starts nginx with a configuration of its own and fetches a file from it. */
export async function serveNginx({ serve, work }: Stage): Promise<string> {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `daemon off; pid nginx.pid; error_log stderr; events {}
http { include /etc/nginx/mime.types; access_log off; gzip on; gzip_types text/css; gzip_min_length 1;
${temporary.map((name) => `${name}_temp_path ${name};`).join('\n')}
server { listen 127.0.0.1:${port}; root ${work}; } }`;
  await writeFile(join(work, 'nginx.conf'), config);
  await writeFile(join(work, 'a.css'), 'p { color: red }\n'.repeat(20));
  serve('nginx', ['-p', work, '-c', join(work, 'nginx.conf'), '-e', 'stderr']);
  return fetchPage(`http://127.0.0.1:${port}/a.css`, ['content-type', 'content-encoding']);
}
