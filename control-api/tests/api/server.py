"""aiosmtpd with what its command has no switches for: a login over STARTTLS, and refusals by files.

server.py PORT MAILS ANSWERS CERTIFICATE KEY [USER PASSWORD]: what is in the file ANSWERS/mail, rcpt or data is answered to that
command; without it mails are taken. Each command is a line of ANSWERS/heard.
"""

import pathlib
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

port, mails, answers, certificate, key, *login = sys.argv[1:]
folder = pathlib.Path(answers)


def answer(command):
    with (folder / "heard").open("a") as heard:
        heard.write(command + "\n")
    file = folder / command
    return file.read_text().strip() if file.exists() else None


class Refusing(Mailbox):
    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return answer("mail") or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return answer("rcpt") or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        return answer("data") or await super().handle_DATA(server, session, envelope)


def authenticate(server, session, envelope, mechanism, data):
    answer("login")
    is_right = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=is_right, handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
options = {"auth_required": True, "authenticator": authenticate} if login else {}
Controller(
    Refusing(mails), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True, **options
).start()
while True:
    time.sleep(60)
