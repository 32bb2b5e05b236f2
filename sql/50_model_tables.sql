-- The tables of the model layer: empty until a model is trained.
-- Grain: stated with each table.
-- Reads: nothing; Python writes them, each command in one transaction.
-- Why: the file holds the model beside the data and the predictions it made, so that
--      one copy of the file is a complete, auditable state.

create or replace table models (
    model_id varchar not null,
    created_at timestamp not null,
    is_current boolean not null,
    preset varchar not null,
    onnx blob not null,
    onnx_sha256 varchar not null,
    data_fingerprint varchar not null,
    source_sha256 varchar not null,
    settings json not null,
    sql_sha256 varchar not null,
    hyperparameters json not null,
    seed bigint not null,
    fit_on varchar not null,
    parameters bigint not null,
    epochs bigint not null,
    best_epoch bigint not null,
    valid_rmse double not null,
    lowest_rating double not null,
    highest_rating double not null,
    training_device varchar not null,
    seconds double not null,
    provider varchar,
    versions json not null,
    study varchar
);

comment on table models is
'Trained networks. One row per model; exactly one is current once one is trained.';
comment on column models.model_id is
'Twelve hex digits of a SHA-256 over weights, hyperparameters and data fingerprint.';
comment on column models.created_at is
'When training ended, UTC.';
comment on column models.is_current is
'True for the model whose predictions and recommendations are in this file.';
comment on column models.preset is
'Named configuration that it was trained with.';
comment on column models.onnx is
'The network as an ONNX file: (user_index, movie_index) to rating.';
comment on column models.onnx_sha256 is
'SHA-256 of onnx.';
comment on column models.data_fingerprint is
'data_fingerprint.fingerprint when it was trained.';
comment on column models.source_sha256 is
'SHA-256 of the ratings file that it was trained on, as in sources.';
comment on column models.settings is
'The row of settings when it was trained.';
comment on column models.sql_sha256 is
'SHA-256 over the SQL files that made the views, as in sql_files.';
comment on column models.hyperparameters is
'Every hyperparameter by group: ''network'', ''training''; ''gaussian'' and '
'''teacher'' if one taught it; ''features'' if it was told of the movies.';
comment on column models.seed is
'Seed of initialisation, order of batches and dropout.';
comment on column models.fit_on is
'Splits whose ratings fitted the weights: ''train'' or ''train+valid''.';
comment on column models.parameters is
'Trainable parameters (count).';
comment on column models.epochs is
'Epochs trained.';
comment on column models.best_epoch is
'Epoch whose weights were kept; what a distilled network keeps is the last.';
comment on column models.valid_rmse is
'Root mean squared error on valid after best_epoch (stars).';
comment on column models.lowest_rating is
'Lower bound of its output (stars).';
comment on column models.highest_rating is
'Upper bound of its output (stars).';
comment on column models.training_device is
'Device that trained it: ''cpu'' or ''cuda''.';
comment on column models.seconds is
'Duration of training (seconds).';
comment on column models.provider is
'onnxruntime execution provider of the last scoring; null if it never scored.';
comment on column models.versions is
'Versions of the packages that trained and exported it.';
comment on column models.study is
'Optuna study that chose its hyperparameters, as in trials; null if none did.';

create or replace table training_history (
    model_id varchar not null,
    epoch bigint not null,
    train_loss double not null,
    valid_loss double not null,
    valid_rmse double not null,
    valid_mae double not null,
    learning_rate double not null,
    seconds double not null
);

comment on table training_history is
'Learning curves. One row per model and epoch.';
comment on column training_history.model_id is
'Model, as in models.';
comment on column training_history.epoch is
'Epoch, from 1.';
comment on column training_history.train_loss is
'Mean squared error on train after the epoch, dropout off (stars squared).';
comment on column training_history.valid_loss is
'Mean squared error on valid after the epoch, dropout off (stars squared).';
comment on column training_history.valid_rmse is
'Root mean squared error on valid, output inside the rating scale (stars).';
comment on column training_history.valid_mae is
'Mean absolute error on valid, output inside the rating scale (stars).';
comment on column training_history.learning_rate is
'Learning rate at the end of the epoch.';
comment on column training_history.seconds is
'Seconds since training began.';

create or replace table teacher_models (
    model_id varchar not null,
    name varchar not null,
    share double not null,
    steps bigint not null,
    valid_rmse double not null
);

comment on table teacher_models is
'Gaussian models that were tried to teach a network; none if it learnt from the '
'ratings alone. One row per model and Gaussian model.';
comment on column teacher_models.model_id is
'Model that was taught, as in models.';
comment on column teacher_models.name is
'What it is a covariance of, what it was told of the movies, and how far movies may '
'differ before any rating is seen (share of the ratings'' variance).';
comment on column teacher_models.share is
'Share in the mean that the network learnt; 0 if it was only tried.';
comment on column teacher_models.steps is
'Steps of expectation maximisation, chosen on valid (count).';
comment on column teacher_models.valid_rmse is
'Root mean squared error on valid of this Gaussian model, fitted on train (stars).';

create or replace table evaluation (
    model_id varchar not null,
    split varchar not null,
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double
);

comment on table evaluation is
'How good predictions and rankings are. One row per model, split and metric.';
comment on column evaluation.model_id is
'Model, as in models; or a baseline: ''global-mean'', ''damped-bias'', ''popularity''.';
comment on column evaluation.split is
'''train'', ''valid'', ''test''; ''unrated'' for what is recommended to each user.';
comment on column evaluation.metric is
'''rmse'' and ''mae'' (stars). ''coverage'': share of ratings inside [lower, upper]; '
'''interval_width'': mean of upper - lower (stars). ''ndcg_10'', ''precision_10'', '
'''recall_10'': means over users whose own rated movies of that split, and no others, '
'are ranked; gain is the rating, relevant is a rating at or above the user''s mean; '
'users with one movie are left out, those without a relevant one from precision and '
'recall. ''catalogue_coverage'': share of the movies that are recommended to somebody; '
'''mean_popularity'': train ratings of a recommended movie (count).';
comment on column evaluation.value is
'Value of the metric.';
comment on column evaluation.ci_low is
'Lower end of its 95 % interval, bootstrap over users; null for catalogue_coverage.';
comment on column evaluation.ci_high is
'Upper end of its 95 % interval, bootstrap over users; null for catalogue_coverage.';

create or replace table calibration_residuals (
    model_id varchar not null,
    user_id bigint not null,
    movie_id bigint not null,
    residual double not null
);

comment on table calibration_residuals is
'What a model missed on valid, fitted on train alone. One row per model and valid row.';
comment on column calibration_residuals.model_id is
'Model, as in models.';
comment on column calibration_residuals.user_id is
'User as the data names it.';
comment on column calibration_residuals.movie_id is
'Movie as the data names it.';
comment on column calibration_residuals.residual is
'Rating minus prediction (stars); with fit_on ''train+valid'', before the refit.';

create or replace table user_spreads (
    model_id varchar not null,
    user_id bigint not null,
    spread double not null
);

comment on table user_spreads is
'How hard each user is to predict, from train alone. One row per model and user.';
comment on column user_spreads.model_id is
'Model, as in models.';
comment on column user_spreads.user_id is
'User as the data names it.';
comment on column user_spreads.spread is
'Scale of the user''s errors: mean distance of their train ratings from damped_bias, '
'shrunk to the mean distance of all as by 20 more ratings at it (stars).';

create or replace table parity (
    model_id varchar not null,
    runtime varchar not null,
    reference varchar not null,
    pairs bigint not null,
    max_abs_difference double not null,
    tolerance double not null
);

comment on table parity is
'How closely each runtime reproduces the network. One row per model and runtime.';
comment on column parity.model_id is
'Model, as in models.';
comment on column parity.runtime is
'''torch'', ''onnxruntime-cpu'', ''onnxruntime-cuda'' or ''sql''.';
comment on column parity.reference is
'What it was compared with: ''trained network'' or ''predictions''.';
comment on column parity.pairs is
'Pairs of user and movie that were compared (count).';
comment on column parity.max_abs_difference is
'Largest absolute difference of two ratings (stars).';
comment on column parity.tolerance is
'Largest difference that is allowed (stars).';

create or replace table user_embeddings (
    model_id varchar not null,
    user_id bigint not null,
    user_index integer not null,
    embedding float[] not null
);

comment on table user_embeddings is
'What a model learnt about each user. One row per model and user.';
comment on column user_embeddings.model_id is
'Model, as in models.';
comment on column user_embeddings.user_id is
'User as the data names it.';
comment on column user_embeddings.user_index is
'Row of the user inside this model.';
comment on column user_embeddings.embedding is
'Embedding vector.';

create or replace table movie_embeddings (
    model_id varchar not null,
    movie_id bigint not null,
    movie_index integer not null,
    embedding float[] not null
);

comment on table movie_embeddings is
'What a model learnt about each movie. One row per model and movie.';
comment on column movie_embeddings.model_id is
'Model, as in models.';
comment on column movie_embeddings.movie_id is
'Movie as the data names it.';
comment on column movie_embeddings.movie_index is
'Row of the movie inside this model.';
comment on column movie_embeddings.embedding is
'Embedding vector.';

create or replace table predictions (
    model_id varchar not null,
    user_id bigint not null,
    movie_id bigint not null,
    title varchar not null,
    predicted_rating float not null,
    lower float not null,
    upper float not null,
    actual_rating double,
    split varchar
);

comment on table predictions is
'Every active user and every top movie, by the current model. One row a pair.';
comment on column predictions.model_id is
'The current model, as in models.';
comment on column predictions.user_id is
'User as the data names it.';
comment on column predictions.movie_id is
'Movie as the data names it.';
comment on column predictions.title is
'Title of the movie.';
comment on column predictions.predicted_rating is
'Rating that the model expects (stars).';
comment on column predictions.lower is
'Lower end of the 90 % interval of the rating (stars), see interval_radii.';
comment on column predictions.upper is
'Upper end of the 90 % interval of the rating (stars), see interval_radii.';
comment on column predictions.actual_rating is
'Rating that the user gave (stars); null if unrated.';
comment on column predictions.split is
'Split of the actual rating; null if unrated.';

create or replace table recommendations (
    model_id varchar not null,
    user_id bigint not null,
    method varchar not null,
    rank integer not null,
    movie_id bigint not null,
    title varchar not null,
    similarity float,
    predicted_rating float not null,
    is_confirmed boolean not null
);

comment on table recommendations is
'Movies that each user has not rated, best first. One row per user, method and rank.';
comment on column recommendations.model_id is
'The current model, as in models.';
comment on column recommendations.user_id is
'User as the data names it.';
comment on column recommendations.method is
'''rating'', ''movies'' (like those they liked) or ''users'' (liked by similar users).';
comment on column recommendations.rank is
'1 is the best of this user and method.';
comment on column recommendations.movie_id is
'Movie as the data names it; never one that the user has rated.';
comment on column recommendations.title is
'Title of the movie.';
comment on column recommendations.similarity is
'What it is ranked by: -1 to 1 (''movies''), 0 to 1 (''users''), else null.';
comment on column recommendations.predicted_rating is
'Rating that the model expects (stars).';
comment on column recommendations.is_confirmed is
'True when predicted_rating is at or above the mean of the user''s ratings.';

create or replace table verifications (
    model_id varchar not null,
    verified_at timestamp not null,
    user_id bigint not null,
    movie_id bigint not null,
    title varchar not null,
    split varchar not null,
    actual_rating double not null,
    predicted_rating float not null,
    error double not null
);

comment on table verifications is
'Predictions beside real ratings. One row per verification, user and movie.';
comment on column verifications.model_id is
'Model that predicted, as in models.';
comment on column verifications.verified_at is
'When it was verified, UTC.';
comment on column verifications.user_id is
'User as the data names it.';
comment on column verifications.movie_id is
'Movie as the data names it.';
comment on column verifications.title is
'Title of the movie.';
comment on column verifications.split is
'Split of the actual rating.';
comment on column verifications.actual_rating is
'Rating that the user gave (stars).';
comment on column verifications.predicted_rating is
'Rating that the model expected (stars).';
comment on column verifications.error is
'predicted_rating minus actual_rating (stars).';

create or replace table trials (
    study varchar not null,
    number integer not null,
    state varchar not null,
    value double,
    hyperparameters json not null,
    epochs integer,
    seconds double,
    started_at timestamp
);

comment on table trials is
'What tuning tried. One row per study and trial.';
comment on column trials.study is
'Name of the Optuna study.';
comment on column trials.number is
'Number of the trial in its study, from 0.';
comment on column trials.state is
'''complete'', ''pruned'', ''failed'' or ''running''.';
comment on column trials.value is
'Valid RMSE of the best epoch (stars); null if none was reached.';
comment on column trials.hyperparameters is
'What the trial set.';
comment on column trials.epochs is
'Epochs trained before it ended.';
comment on column trials.seconds is
'Duration (seconds).';
comment on column trials.started_at is
'When it began, UTC.';
