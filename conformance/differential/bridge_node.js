// What Node's parser (llhttp, strict, as http.Server starts it) makes of a stream; see bridge.c for
// what is read and printed. Fed byte by byte, so that the end of a message is an exact offset.
'use strict';
const { HTTPParser, methods } = require('_http_common');
const readline = require('readline');

const LIMIT = 1024 * 1024;  // of a head: the bridge's own limit is meant to be met first

const hex = (text) => Buffer.from(text, 'latin1').toString('hex') || '-';

function readStream(bytes) {
  const lines = [];
  const parser = new HTTPParser();
  let request = null;
  let url = '';
  let upgraded = false;
  let lasting = true;

  parser.initialize(HTTPParser.REQUEST, {}, LIMIT, 0);
  parser[HTTPParser.kOnHeaders] = (headers, part) => { url += part; };
  parser[HTTPParser.kOnHeadersComplete] =
    (major, minor, headers, method, target, status, message, upgrade, keepAlive) => {
      request = { method: methods[method], target: target === undefined ? url : target, body: [] };
      url = '';
      upgraded = upgrade;
      lasting = keepAlive;
      return upgrade ? 2 : 0;
    };
  parser[HTTPParser.kOnBody] = (chunk) => { request.body.push(Buffer.from(chunk)); };

  let end = 0;
  parser[HTTPParser.kOnMessageComplete] = () => {
    const body = Buffer.concat(request.body).toString('hex') || '-';
    lines.push(`request ${end} ${hex(request.method)} ${hex(request.target)} ${body}`);
    request = null;
    url = '';  // told once more with the trailers
  };

  let why = null;
  for (let i = 0; i < bytes.length && why === null; i++) {
    end = i + 1;
    const result = parser.execute(bytes.subarray(i, i + 1));
    if (result instanceof Error) {
      why = result.code === 'HPE_CLOSED_CONNECTION' ? 'closed' : `refused ${result.code}`;
    } else if (upgraded) {
      why = 'tunnel';
    }
  }
  if (request !== null) lines.push(`open ${hex(request.method)} ${hex(request.target)}`);
  if (why === null) why = lasting ? 'incomplete' : 'closed';
  lines.push(`stop ${why}`);
  return lines.join('\n') + '\n';
}

readline.createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on('line', (line) => process.stdout.write(readStream(Buffer.from(line, 'hex'))));
