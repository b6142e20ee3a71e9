-- People change what they are called themselves (H-032): `api_person` of the table keeps it to their own row.
set local role sambung_owner;

grant update (name) on identity.users to sambung_api;

reset role;
