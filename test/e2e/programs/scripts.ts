/** What the jobs give to the programs to run. */

export const vimScript = `runtime plugin/tohtml.vim
call append(0, "int main(void) { return 0; } // ü")
set ft=c encoding=utf-8
syntax on
TOhtml
w! out.html
qall!
`;

export const bashScript = `s='Grüße, 世界'; echo "\${#s} \${s^^} \${s:7}"; printf '%q\\n' "$s"`;

export const perlScript = `use JSON::PP; use Digest::SHA 'sha256_hex'; use POSIX 'strftime'; use Encode; use charnames ();
print JSON::PP->new->canonical->pretty->encode({name => charnames::viacode(0xfc), at => strftime('%F', gmtime 0),
  sum => sha256_hex(encode('UTF-16LE', 'ü')), inc => scalar(grep { -d } @INC) > 0 ? 1 : 0}), uc 'grüße', "\\n";`;

export const rubyScript = `require 'json'; require 'digest'; require 'erb'; require 'yaml'; require 'set'; require 'socket'
puts JSON.pretty_generate(sum: Digest::SHA256.hexdigest('ü'), page: ERB.new('<%= 6 * 7 %>').result, up: 'grüße'.upcase)
puts({ 'a' => [1, nil] }.to_yaml, 'ü'.encode('UTF-16LE').bytes.inspect)`;

export const flaskApp = `#!/usr/bin/python3
import ctypes, hashlib, json, sqlite3, ssl, sys
from flask import Flask, render_template_string
app = Flask(__name__)
@app.get('/<name>')
def greet(name):
    row = sqlite3.connect(':memory:').execute('select upper(?)', (name,)).fetchone()
    return render_template_string('<p>Hello {{ name|upper }}, {{ row }} {{ sum }}</p>', name=name, row=row[0],
                                  sum=hashlib.blake2b(name.encode()).hexdigest())
app.run(port=int(sys.argv[1]))
`;

/** Of a session in which gdb needs no shell to start the program. */
export const gdbArguments = [
  ...['-nx', '-batch', '-ex', 'set startup-with-shell off'],
  ...['-ex', 'break sum', '-ex', 'run', '-ex', 'backtrace', '-ex', 'ptype point', '-ex', 'list'],
  ...['-ex', 'python import json; print(json.dumps({"x": int(gdb.parse_and_eval("point.x"))}))'],
  ...['-ex', 'continue'],
];
