-- Guests enter with Google, or another OpenID provider (H-009, H-022; decision 0074): the same person each time, in one organisation at a time.
set local role sambung_owner;

-- Whoever enters somewhere is a guest nowhere else any more, so a person's unit of work ends their sessions wherever they are.
create policy api_person on identity.guest_sessions for select to sambung_api
    using (user_id = platform.presented('app.person'));
create policy api_person_ends on identity.guest_sessions for update to sambung_api
    using (user_id = platform.presented('app.person')) with check (user_id = platform.presented('app.person'));
-- Somebody who was only a guest so far has an account from now on: `api_person` of the table keeps it to their own row.
grant update (email) on identity.users to sambung_api;

reset role;
