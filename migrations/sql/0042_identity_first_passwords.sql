-- People whom an administrator has entered set their first password by a letter, which proves their address.
set local role sambung_owner;

grant update (email_verified_at) on identity.users to sambung_api;
-- What a registration was made with stays as it was.
revoke update (password_hash) on identity.letters from sambung_api;

reset role;
