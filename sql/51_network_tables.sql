-- The weights of every model, folded for prediction: the network as rows.
-- Grain: stated with each table.
-- Reads: nothing; Python writes them with the model, in the same transaction.
-- Why: with its weights in tables, any DuckDB client can run the network. The first
--      layer of it is a sum of a part of the user and a part of the movie, so those
--      parts are kept per user and per movie (network_user_units, ..._movie_units).

create or replace table network_users (
    model_id varchar not null,
    user_id bigint not null,
    bias float not null,
    factors float[] not null
);

comment on table network_users is
'What a network adds for each user outside its layers. One row per model and user.';
comment on column network_users.model_id is
'Model, as in models.';
comment on column network_users.user_id is
'User as the data names it.';
comment on column network_users.bias is
'Added to every prediction for the user (stars).';
comment on column network_users.factors is
'Its dot product with the factors of a movie is added too; [0] if there are none.';

create or replace table network_movies (
    model_id varchar not null,
    movie_id bigint not null,
    bias float not null,
    factors float[] not null
);

comment on table network_movies is
'What a network adds for each movie outside its layers. One row per model and movie.';
comment on column network_movies.model_id is
'Model, as in models.';
comment on column network_movies.movie_id is
'Movie as the data names it.';
comment on column network_movies.bias is
'Added to every prediction for the movie, the mean rating included (stars).';
comment on column network_movies.factors is
'Its dot product with the factors of a user is added too; [0] if there are none.';

create or replace table network_user_units (
    model_id varchar not null,
    user_id bigint not null,
    unit integer not null,
    value float not null
);

comment on table network_user_units is
'The user''s part of the first layer. One row per model, user and unit.';
comment on column network_user_units.model_id is
'Model, as in models.';
comment on column network_user_units.user_id is
'User as the data names it.';
comment on column network_user_units.unit is
'Unit of the first layer, from 1.';
comment on column network_user_units.value is
'Added to the movie''s part; the unit is their sum, or 0 if that is negative.';

create or replace table network_movie_units (
    model_id varchar not null,
    movie_id bigint not null,
    unit integer not null,
    value float not null
);

comment on table network_movie_units is
'The movie''s part of the first layer. One row per model, movie and unit.';
comment on column network_movie_units.model_id is
'Model, as in models.';
comment on column network_movie_units.movie_id is
'Movie as the data names it.';
comment on column network_movie_units.unit is
'Unit of the first layer, from 1.';
comment on column network_movie_units.value is
'Added to the user''s part; the unit is their sum, or 0 if that is negative.';

create or replace table network_layers (
    model_id varchar not null,
    layer integer not null,
    unit integer not null,
    weights float[] not null,
    bias float not null,
    lowest_value float not null
);

comment on table network_layers is
'The layers after the first. One row per model, layer and unit.';
comment on column network_layers.model_id is
'Model, as in models.';
comment on column network_layers.layer is
'Layer, 2 to 4; a shorter network ends in layers that only pass its output on.';
comment on column network_layers.unit is
'Unit of the layer, from 1.';
comment on column network_layers.weights is
'Weight of each unit of the layer before.';
comment on column network_layers.bias is
'Added to the weighted sum.';
comment on column network_layers.lowest_value is
'0 where the layer is rectified (ReLU), -infinity where it is linear.';
