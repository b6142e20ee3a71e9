// An OpenID provider that nobody here wrote (oidc-provider, certified), on the port in argv, with one client. Whoever `login_hint` names is signed in
// without being asked. `POST /deceive?how=…` has the next ID token say what it must not, signed with the provider's own key.
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const [port, clientId, clientSecret, redirectUri] = process.argv.slice(-4);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const stranger = await generateKeyPair('RS256');
const key = { ...(await exportJWK(privateKey)), kid: '1', alg: 'RS256', use: 'sig' };

const client = (id) => ({
  client_id: id,
  client_secret: clientSecret,
  redirect_uris: [redirectUri],
  id_token_signed_response_alg: 'RS256',
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client(clientId), client('another')],
  jwks: { keys: [key] },
  cookies: { keys: ['x'] },
  pkce: { required: () => true, methods: ['S256'] },
  // As Google does, and not only at userinfo.
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, email) => ({
    accountId: email,
    claims: () => ({
      sub: `1${email.length}-${email}`,
      email,
      email_verified: !email.startsWith('unverified'),
      name: 'Sari Dewi',
    }),
  }),
  loadExistingGrant: async (ctx) => {
    const { client: { clientId: id }, session: { accountId } } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: id, accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});

const now = () => Math.floor(Date.now() / 1000);
const signed = (claims, by = privateKey) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: '1' }).sign(by);
const mac = (claims) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(clientSecret));
const lies = {
  expired: (claims) => signed({ ...claims, iat: now() - 7200, exp: now() - 3600 }),
  audience: (claims) => signed({ ...claims, aud: 'another' }),
  issuer: (claims) => signed({ ...claims, iss: 'https://accounts.example.test' }),
  nonce: (claims) => signed({ ...claims, nonce: 'of-another-one' }),
  signature: (claims) => signed(claims, stranger.privateKey),
  none: (claims) => new UnsecuredJWT(claims).encode(),
  mac,
};
let lie;

provider.use(async (ctx, next) => {
  if (ctx.path === '/deceive') {
    lie = lies[ctx.query.how];
    ctx.status = lie ? 204 : 404;
    return;
  }
  if (ctx.path.startsWith('/interaction/')) {
    const { params } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: params.login_hint } });
    return;
  }
  await next();
  if (ctx.path === '/token' && ctx.status === 200 && lie) {
    const claims = decodeJwt(ctx.body.id_token);
    ctx.body = { ...ctx.body, id_token: await lie(claims) };
    lie = undefined;
  }
});
provider.listen(Number(port), '127.0.0.1');
