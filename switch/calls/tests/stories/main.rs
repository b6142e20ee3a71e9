//! Stories: phones scripted as text, a switchboard, and what came of it.
//!
//! `events` is the record of a call in every way it can go, `media` who hears whom, `early` before the answer,
//! `exchanges` when offers cross, `reliable` by PRACK and UPDATE, `bodies` what else a message may hold, `recording` what of it is kept and `recording_keys` how people have a say in it, `redirects`
//! where a call goes on by a phone's word and `forwards` by rules, `codecs` phones that speak differently, `hold` and its music, `features` calls that the switch takes
//! itself, `conferences` where several meet, `explained` what those hear who cannot be connected, `srtp` who is told which keys, `dtls` who shakes
//! hands for them, `guests` who may make one call, `browsers` phones that can be reached in one way alone, `identity` whom it is shown to be from, `intercom` phones that answer by themselves and `pages` many of them at once, `keypads` how keys are told to whom, `lives` what the next process makes of it, `messages`
//! and `presence` what is no call, `registrar` what phones see of their contacts, `doors` who gets in, `abuse` who does
//! not, `transfers` where a side sends it, `attended` when it has asked there first, `led` when the switch itself answers there, `entrants` who comes into it, `trunks` calls from outside, `ordered` calls that are made for somebody, `pickups` those that somebody is to take, `outside` calls to there and `budgets` how many, `registering` what it takes to get them, `queues` who waits for whom, `supervision` who listens, `sound` who is told how a call sounds, `overload` what is turned away when there is too much, `traces` what explains a call, `weight` what one takes.
//! `desk` is the harness they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod abuse;
mod attended;
mod availability;
mod bodies;
mod browsers;
mod budgets;
mod codecs;
mod codes;
mod conferences;
mod desk;
mod doors;
mod dtls;
mod early;
mod entrants;
mod events;
mod exchanges;
mod explained;
mod features;
mod forwards;
mod guests;
mod hold;
mod ice;
mod identity;
mod intercom;
mod keypads;
mod led;
mod lives;
mod media;
mod menus;
mod messages;
mod ordered;
mod outside;
mod overload;
mod pages;
mod parking;
mod pickups;
mod presence;
mod queues;
mod recorded_through;
mod recording;
mod recording_keys;
mod redirects;
mod registered;
mod registering;
mod registrar;
mod reliable;
mod sound;
mod srtp;
mod supervision;
mod traces;
mod transfers;
mod trunks;
mod voicemail;
mod weight;
