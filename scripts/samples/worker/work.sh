# A line a second, until it is told to stop.
trap 'echo "worker stops"; exit 0' TERM INT
echo "worker $VERSION begins, region ${REGION:-none}"
job=0
while true; do
  job=$((job + 1))
  echo "job $job done by worker $VERSION"
  sleep 1
done
