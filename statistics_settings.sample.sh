# Settings for statistics mode: one task at a time, plain files in, plain files out, no server.
# Copy, change the folders, then:   source statistics_settings.sh
# Where no identity.json beside the datasets tells their year (that of a run does), set it; another year is refused.
#export DATA_YEAR=2024
# Datasets are read from here as <dataset>.parquet, <dataset>.csv or a folder <dataset>; a run's datasets will do.
export INPUT_PIPELINE_DIR=scratch/demo/all/datasets
# ... and written here; not into the folder of a run, unless NIBRS_WRITE_INTO_RUN=true.
export OUTPUT_PIPELINE_DIR=out
# External files; INPUT_PIPELINE_DIR/external_file_locations.json says which. Only tasks that need some look here.
export EXTERNAL_FILE_PATH=externals
export LOG_THRESHOLD=DEBUG
# Then, for example:
#   python -m nibrs_estimation.stages.weighting                    the stage's tasks in order
#   python -m nibrs_estimation.stages.weighting measure_coverage   one of them
#   nibrs task measure_coverage                                    the same
