-- Forget the trials of a study, before what its storage holds takes their place.
delete from trials
where study = $study;
