// The 60 server audits of `graphql-http` against a hub's GraphQL endpoint, over mutual TLS.
//
//   node graphql-over-http.mjs URL FOLDER     FOLDER holds client.pem, client.key, ca.pem
//
// Status 0 only if every audit, including the optional ones, is ok.
import { readFileSync } from 'node:fs';
import { serverAudits } from 'graphql-http';
import { Agent, fetch } from 'undici';

const [url, folder] = process.argv.slice(2);
const pem = (name) => readFileSync(`${folder}/${name}`);
const dispatcher = new Agent({ connect: { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') } });
const audits = serverAudits({ url, fetchFn: (input, init) => fetch(input, { ...init, dispatcher }) });

let ok = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === 'ok') ok += 1;
  else console.log(`${result.status} ${audit.id} ${audit.name}: ${result.reason ?? ''}`);
}
console.log(`GraphQL over HTTP: ${ok} of ${audits.length} ok`);
process.exit(ok === audits.length && ok === 60 ? 0 : 1);
