-- From here on no query may change a setting.
set lock_configuration = true;
