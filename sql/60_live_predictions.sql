-- live_predictions: the current network, run by SQL from its weights alone.
-- Grain: one row per user and movie of the current model.
-- Reads: models, the network_* tables, network_unit().
-- Why: predictions need no Python. Every step is a join and a grouping, so a filter on
--      user_id or movie_id reaches the first of them and one pair costs milliseconds.

create or replace view live_predictions as
with current_model as (
    select
        model_id,
        lowest_rating::float as lowest_rating,
        highest_rating::float as highest_rating,
    from models
    where is_current
),

layer_1 as (
    select
        active.model_id,
        active.user_id,
        movie.movie_id,
        list(greatest(0, active.value + movie.value) order by active.unit) as units,
    from network_user_units as active
    inner join current_model as model
        on active.model_id = model.model_id
    inner join network_movie_units as movie
        on active.model_id = movie.model_id and active.unit = movie.unit
    group by active.model_id, active.user_id, movie.movie_id
),

layer_2 as (
    select
        before.model_id,
        before.user_id,
        before.movie_id,
        list(
            network_unit(before.units, layer.weights, layer.bias, layer.lowest_value)
            order by layer.unit
        ) as units,
    from layer_1 as before
    inner join network_layers as layer
        on before.model_id = layer.model_id and layer.layer = 2
    group by before.model_id, before.user_id, before.movie_id
),

layer_3 as (
    select
        before.model_id,
        before.user_id,
        before.movie_id,
        list(
            network_unit(before.units, layer.weights, layer.bias, layer.lowest_value)
            order by layer.unit
        ) as units,
    from layer_2 as before
    inner join network_layers as layer
        on before.model_id = layer.model_id and layer.layer = 3
    group by before.model_id, before.user_id, before.movie_id
),

layer_4 as (
    select
        before.model_id,
        before.user_id,
        before.movie_id,
        list(
            network_unit(before.units, layer.weights, layer.bias, layer.lowest_value)
            order by layer.unit
        ) as units,
    from layer_3 as before
    inner join network_layers as layer
        on before.model_id = layer.model_id and layer.layer = 4
    group by before.model_id, before.user_id, before.movie_id
)

select
    output.model_id,
    output.user_id,
    output.movie_id,
    least(
        greatest(
            output.units[1]
            + active.bias
            + movie.bias
            + list_dot_product(active.factors, movie.factors),
            model.lowest_rating
        ),
        model.highest_rating
    ) as predicted_rating,
from layer_4 as output
inner join current_model as model
    on output.model_id = model.model_id
inner join network_users as active
    on output.model_id = active.model_id and output.user_id = active.user_id
inner join network_movies as movie
    on output.model_id = movie.model_id and output.movie_id = movie.movie_id;

comment on view live_predictions is
'The current network computed by SQL. One row per user and movie of the model.';
comment on column live_predictions.model_id is
'The current model, as in models.';
comment on column live_predictions.user_id is
'User as the data names it.';
comment on column live_predictions.movie_id is
'Movie as the data names it.';
comment on column live_predictions.predicted_rating is
'Rating that the model expects (stars), computed now from its weights.';
