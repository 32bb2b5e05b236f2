-- Store how far the ratings of each user of a model are from the damped bias on train.
-- Who has few is shrunk to everybody's mean; decimals add up alike in any order.
insert into user_spreads
with distances as (
    select
        user_id,
        abs(rating - damped_bias)::decimal(38, 9) as distance,
    from baseline_predictions
    where split = 'train'
),

overall as (
    select
        sum(distance)::double / count(*) as mean_distance,
        20 as shrinkage,
    from distances
)

select
    active.model_id,
    active.user_id,
    greatest(
        (
            coalesce(sum(distances.distance), 0)::double
            + any_value(overall.shrinkage * overall.mean_distance)
        )
        / (count(distances.distance) + any_value(overall.shrinkage)),
        1e-6
    ) as spread,
from user_embeddings as active
cross join overall
left join distances
    on active.user_id = distances.user_id
where active.model_id = $model_id
group by active.model_id, active.user_id
order by active.user_id;
