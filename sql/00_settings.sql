-- settings: everything a person can change about which data the model sees.
-- Grain: exactly one row.
-- Reads: the bound parameters of `build-warehouse`.
-- Why: changing a threshold or the seed changes this row and nothing else; the views
--      below follow it. Shares are decimals so that "20 % rounded up" is exact.

create or replace table settings as
select
    $top_movies::integer as top_movies,
    $min_ratings::integer as min_ratings,
    $test_share::decimal(6, 4) as test_share,
    $valid_share::decimal(6, 4) as valid_share,
    $split_seed::bigint as split_seed,
    $bias_damping::double as bias_damping;

comment on table settings is
'Thresholds, split shares and seed that the views read. One row.';
comment on column settings.top_movies is
'How many movies with the most ratings are kept.';
comment on column settings.min_ratings is
'Ratings on the kept movies that make a user active.';
comment on column settings.test_share is
'Share of the filtered ratings held out for test, rounded up to whole rows.';
comment on column settings.valid_share is
'Share of the ratings left after test that is held out for valid, rounded up.';
comment on column settings.split_seed is
'Seed of the md5 order that deals ratings into test, valid and train.';
comment on column settings.bias_damping is
'Shrinkage of the damped bias baseline to zero, as a number of ratings.';
