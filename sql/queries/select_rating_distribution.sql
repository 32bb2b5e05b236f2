-- How often each rating was given: in all the data and in what the model sees.
-- A scale of many values is cut into twenty steps of equal width.
with scale as (
    select
        lowest_rating,
        highest_rating,
        greatest((highest_rating - lowest_rating) / 20, 1e-9) as width,
    from rating_scale
),

everything as (
    select
        least(
            floor((rating.rating - scale.lowest_rating) / scale.width + 1e-6), 19
        ) as step,
        min(rating.rating) as lowest,
        max(rating.rating) as highest,
        count(*) as rating_count,
    from ratings as rating
    cross join scale
    group by step
),

filtered as (
    select
        least(
            floor((rating.rating - scale.lowest_rating) / scale.width + 1e-6), 19
        ) as step,
        count(*) as rating_count,
    from filtered_ratings as rating
    cross join scale
    group by step
)

select
    everything.lowest,
    everything.highest,
    everything.rating_count as all_count,
    coalesce(filtered.rating_count, 0) as filtered_count,
from everything
left join filtered
    on everything.step = filtered.step
order by everything.step;
