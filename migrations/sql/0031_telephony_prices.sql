-- What calls to the telephone network may cost (decision 0040), as dialplan::compile takes it.
set local role sambung_owner;

-- What a minute costs that is talked with some numbers.
create table telephony.outbound_prices (
    id uuid not null,
    org_id uuid not null,
    -- What the numbers begin with: with a plus by E.164, without one as those of services. The longest that fits counts.
    prefix text not null,
    -- For each minute that begins.
    rupiah_per_minute integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint outbound_prices_pkey primary key (id),
    constraint outbound_prices_org_id_key unique (org_id, id),
    constraint outbound_prices_prefix_key unique (org_id, prefix),
    constraint outbound_prices_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint outbound_prices_prefix_check check (prefix ~ '^\+?[0-9]{1,15}$'),
    constraint outbound_prices_rupiah_check check (rupiah_per_minute between 0 and 1000000)
);

alter table telephony.outside_budgets
    -- Null: whatever the minutes cost.
    add column rupiah_per_day_max integer,
    add constraint outside_budgets_rupiah_check check (rupiah_per_day_max between 0 and 1000000000);

-- What each minute that had begun was counted for, so that what is used up is known after a restart.
alter table telephony.call_legs
    add column rupiah_per_minute integer,
    add constraint call_legs_rupiah_check check (rupiah_per_minute >= 0);

create trigger outbound_prices_touch before update on telephony.outbound_prices
    for each row execute function platform.touch();
create trigger outbound_prices_revision after insert or update or delete on telephony.outbound_prices
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.outbound_prices');
create policy switch_read on telephony.outbound_prices for select to sambung_switch using (true);
grant select on telephony.outbound_prices to sambung_switch;
grant select, insert, update, delete on telephony.outbound_prices to sambung_api;

reset role;
