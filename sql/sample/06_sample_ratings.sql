-- sample_ratings: the ratings file of the synthetic sample.
-- Grain: one row per (user_id, movie_id).
-- Reads: sample_settings, sample_users, sample_traits.
-- Why: a user's n ratings lie in n equal slices of the popularity curve, one in each,
--      and slice k is moved k ranks on: no movie comes twice, nothing is rejected, so
--      the cost is the number of ratings. A view: nothing is stored.

create or replace temp view sample_ratings as
with slices as (
    select
        *,
        unnest(range(rating_count)) as slice,
    from sample_users
),

shares as (
    select
        *,
        sample_bits(user_id, slice) as bits,
        (slice + sample_uniform(bits, 0, 16)) / rating_count as share,
    from slices
),

picks as (
    select
        shares.*,
        -- The second factor makes the most popular movies stand out.
        1 + shares.slice + floor(
            (settings.movie_count - shares.rating_count)
            * sample_skew(shares.share, shares.focus)
            * (1 - sample_skew(1 - shares.share, 4) / 2)
        )::bigint as popularity_rank,
    from shares
    cross join sample_settings as settings
),

opinions as (
    select
        picks.user_id,
        traits.movie_id,
        picks.star_step,
        4.02 + picks.bias + traits.quality
        + 0.22 * (
            picks.likes_action * traits.action
            + picks.likes_dark * traits.dark
            + picks.likes_family * traits.family
            + picks.likes_recent * traits.recent
        )
        + 0.6 * sample_normal(picks.bits, 16) as opinion,
        -- Within 290 days of joining, or of the movie if that came later.
        greatest(picks.joined_at, traits.released_at)
        + floor(25000000 * sample_uniform(picks.bits, 46, 14))::bigint as timestamp,
    from picks
    inner join sample_traits as traits
        on picks.popularity_rank = traits.popularity_rank
)

select
    user_id,
    movie_id,
    -- Below 3 stars an opinion counts half as much again: MovieLens has that long tail.
    least(5, greatest(star_step, star_step * round(
        least(opinion, 1.5 * opinion - 1.5) / star_step
    ))) as rating,
    timestamp,
from opinions;
