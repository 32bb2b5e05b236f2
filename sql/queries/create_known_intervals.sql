-- How far from its predictions a model's intervals reach, read from the view once.
create or replace temp table known_intervals as
select
    radii.user_id,
    radii.radius,
    model.lowest_rating,
    model.highest_rating,
from interval_radii as radii
inner join models as model
    on radii.model_id = model.model_id
where radii.model_id = $model_id;
