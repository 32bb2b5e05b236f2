-- sample_users: who rates, how many movies, how kindly, with what taste, and when.
-- Grain: one row per user.
-- Reads: sample_settings.
-- Why: 20 ratings each, and the others dealt along a curve whose differences add up to
--      rating_count exactly. User 599 is the busiest, for the examples.

create or replace temp table sample_users as
with users as (
    select
        unnest(range(1, user_count + 1)) as user_id,
        user_count,
        movie_count / 9724 as scale,
        rating_count - 20 * user_count as spare,
    from sample_settings
),

ranked as (
    select
        user_id,
        scale,
        row_number() over (
            order by user_id = 599, sample_bits('activity', user_id), user_id
        ) as activity_rank,
        floor(spare * sample_skew(activity_rank / user_count, 12))
        - floor(spare * sample_skew((activity_rank - 1) / user_count, 12)) as dealt,
        sample_bits('user', user_id) as bits,
    from users
)

select
    user_id,
    (20 + dealt)::bigint as rating_count,
    -- How much this user keeps to popular movies, the k of sample_skew. It grows with
    -- the catalogue: what more movies add is a longer tail, not a wider top.
    scale * (2 + 120 * sample_skew(sample_uniform(bits, 0, 15), 4)) as focus,
    0.44 * sample_normal(bits, 30) as bias,
    sample_normal(sample_bits('likes action', user_id), 0) as likes_action,
    sample_normal(sample_bits('likes dark', user_id), 0) as likes_dark,
    sample_normal(sample_bits('likes family', user_id), 0) as likes_family,
    sample_normal(sample_bits('likes recent', user_id), 0) as likes_recent,
    epoch(timestamp '1996-03-29')::bigint
    + floor(20 * 31556952 * sample_uniform(bits, 15, 15))::bigint as joined_at,
    -- MovieLens had no half stars before February 2003.
    if(joined_at < epoch(timestamp '2003-02-18'), 1, 0.5)::double as star_step,
from ranked
order by user_id;
