const crypto = require('crypto'), http = require('http');
http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts), sent = request.headers['pipepoll-timestamp'] || '0';
  const mac = crypto.createHmac('sha256', process.env.WEBHOOK_KEY).update(sent + '.').update(body);
  const signature = Buffer.from('v1=' + mac.digest('hex'));
  const theirs = Buffer.from(request.headers['pipepoll-signature'] || '');
  const signed = theirs.length === signature.length && crypto.timingSafeEqual(theirs, signature);
  if (!signed || Math.abs(Date.now() / 1000 - Number(sent)) > 300)
    return response.writeHead(401).end();
  const summary = 'did ' + JSON.parse(body).jobId;
  response.end(JSON.stringify({ result: { status: 'succeeded', summary } }));
}).listen(process.env.PORT, '127.0.0.1');
